/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/certified.h"

#include "base/memory.h"
#include "base/status.h"
#include "linear/newton.h"
#include "linear/working_set.h"

#include <math.h>
#include <string.h>

#define REDUCTION 0.05 /* of the KKT residual, by the steps on one working set */
#define MAX_STEPS 30   /* on one working set */
#define LONG_REACH 0.1 /* a Newton step that changes margins by more is not near an optimum */
#define FLAT 1e-12     /* a KKT residual that is small beyond doubt */

typedef struct run {
    pdl_certified *how;
    pdl_elastic *on;
    double *point;
    double mean_loss;
    double *residuals;          /* [rows, stride] */
    double *gradient;           /* [sets, columns], of the mean loss */
    double *intercept_gradient; /* [sets] */
    double *null_gradient;      /* G0, or NULL without intercepts */
    double reach;
    bool stuck;
} run;

static size_t coefficients_of(const pdl_elastic *on)
{
    return on->loss.sets * on->product.matrix->columns;
}

static pdl_status open_run(run *work, pdl_error *error)
{
    const pdl_elastic *on = work->on;
    size_t rows = on->product.matrix->rows * on->loss.stride, count = coefficients_of(on);
    work->residuals = pdl_alloc(rows, sizeof(double));
    work->gradient = pdl_alloc(count, sizeof(double));
    work->intercept_gradient = pdl_alloc(on->loss.sets, sizeof(double));
    work->null_gradient = on->fit_intercept ? pdl_alloc(count, sizeof(double)) : NULL;
    if (work->residuals != NULL && work->gradient != NULL && work->intercept_gradient != NULL &&
        (work->null_gradient != NULL || !on->fit_intercept))
        return PDL_OK;
    return pdl_fail_memory(error, (rows + 2 * count) * sizeof(double), "residuals and gradients");
}

static void close_run(run *work)
{
    pdl_free(work->residuals);
    pdl_free(work->gradient);
    pdl_free(work->intercept_gradient);
    pdl_free(work->null_gradient);
}

static void start(run *work)
{
    const pdl_elastic *on = work->on;
    double *intercepts = work->point + coefficients_of(on);
    if (!work->how->started) memset(work->point, 0, pdl_elastic_size(on) * sizeof(double));
    if (!on->fit_intercept) return;
    if (!on->loss.multinomial) {
        if (!work->how->started) intercepts[0] = log(on->class_weight[1] / on->class_weight[0]);
        return;
    }
    for (size_t c = 0; c < on->loss.sets; c++)
        if (!work->how->started || on->class_weight[c] == 0)
            intercepts[c] = log(on->class_weight[c] / on->total_weight);
}

/* Mean loss and residuals at a point, by a pass over all columns. */
static void evaluate(run *work, const double *point)
{
    pdl_elastic *on = work->on;
    const double *intercepts = on->fit_intercept ? point + coefficients_of(on) : NULL;
    pdl_product_margins(&on->product, point, intercepts, work->residuals);
    work->mean_loss = pdl_elastic_losses(on, work->residuals);
}

/* G0: the residuals pass through the place of the point's own. */
static void find_null_gradient(run *work)
{
    if (work->null_gradient == NULL) return;
    pdl_null_residuals(work->on, work->residuals);
    pdl_elastic_gradient(work->on, work->residuals, work->null_gradient, work->intercept_gradient);
}

static void certify(run *work, const double *point, pdl_certificate *certificate)
{
    pdl_elastic_gradient(work->on, work->residuals, work->gradient, work->intercept_gradient);
    pdl_certify(work->on, point, work->mean_loss, work->residuals, work->gradient, work->intercept_gradient,
                work->null_gradient, certificate);
}

pdl_status pdl_certify_point(pdl_elastic *on, const double *point, pdl_certificate *certificate, pdl_error *error)
{
    run work = {.on = on};
    pdl_status status = open_run(&work, error);
    if (status == PDL_OK) {
        find_null_gradient(&work);
        evaluate(&work, point);
        certify(&work, point, certificate);
    }
    close_run(&work);
    return status;
}

/* ---- the run ----------------------------------------------------------------------------------------- */

/* Whether the run is over, and how. */
static bool finished(const run *work, size_t iteration)
{
    pdl_certified *how = work->how;
    const pdl_certificate *found = &how->certificate;
    bool bounded = work->on->l1 != 0 || work->on->l2 != 0;
    bool close = bounded ? found->gap <= how->tolerance * found->objective : found->residual <= how->tolerance;
    if (close && !bounded && found->separated)
        how->outcome = PDL_NO_OPTIMUM;
    else if (close && !bounded && iteration > 0 && work->reach > LONG_REACH) {
        if (found->residual > FLAT && iteration < how->max_iterations && !work->stuck) return false;
        how->outcome = PDL_NO_OPTIMUM;
    } else if (close)
        how->outcome = PDL_CONVERGED;
    else if (work->stuck)
        how->outcome = PDL_PRECISION;
    else if (iteration >= how->max_iterations)
        how->outcome = PDL_ITERATIONS;
    else
        return false;
    return true;
}

static pdl_status solve(run *work, pdl_newton *newton, pdl_error *error)
{
    newton->residuals = work->residuals;
    newton->mean_loss = work->mean_loss;
    newton->check = work->how->check;
    newton->context = work->how->context;
    pdl_status status = pdl_newton_run(newton, error);
    work->mean_loss = newton->mean_loss;
    work->reach = newton->reach;
    return status;
}

static pdl_status step_everywhere(run *work, pdl_error *error)
{
    pdl_newton newton = {.on = work->on,
                         .point = work->point,
                         .max_steps = 1,
                         .gradient = work->gradient,
                         .intercept_gradient = work->intercept_gradient};
    pdl_status status = solve(work, &newton, error);
    work->stuck = newton.stuck;
    return status;
}

/* Solves the working set; a set that holds most columns is not worth gathering. */
static pdl_status solve_working_set(run *work, pdl_error *error)
{
    pdl_working_set set;
    pdl_newton newton = {.max_steps = MAX_STEPS, .target = REDUCTION * work->how->certificate.residual};
    pdl_status status = pdl_working_set_choose(&set, work->on, work->point, work->gradient, error);
    if (status != PDL_OK) goto done;
    if (set.count == 0 || 2 * set.count > work->on->product.matrix->columns) {
        newton.on = work->on;
        newton.point = work->point;
        newton.gradient = work->gradient;
        newton.intercept_gradient = work->intercept_gradient;
        status = solve(work, &newton, error);
    } else {
        status = pdl_working_set_open(&set, work->point, error);
        if (status != PDL_OK) goto done;
        newton.on = &set.problem;
        newton.point = set.point;
        status = solve(work, &newton, error);
        pdl_working_set_scatter(&set, work->point);
    }
    work->stuck = newton.stuck && newton.steps == 0;
done:
    pdl_working_set_close(&set);
    return status;
}

pdl_status pdl_certified_run(pdl_certified *certified, double *point, pdl_error *error)
{
    run work = {.how = certified, .on = certified->on, .point = point};
    pdl_status status = open_run(&work, error);
    if (status != PDL_OK) goto done;
    find_null_gradient(&work);
    start(&work);
    evaluate(&work, point);
    for (bool recorded = certified->recorded;; recorded = false, certified->iterations++) {
        size_t iteration = certified->iterations;
        certify(&work, point, &certified->certificate);
        if (!recorded)
            status = certified->record(certified->context, iteration, certified->certificate.objective, error);
        if (status != PDL_OK || finished(&work, iteration)) break;
        status = work.on->l1 != 0 ? solve_working_set(&work, error) : step_everywhere(&work, error);
        if (status != PDL_OK) break;
    }
done:
    close_run(&work);
    return status;
}
