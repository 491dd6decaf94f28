/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/optimum.h"

#include "base/memory.h"
#include "base/status.h"
#include "linear/span.h"

#include <string.h>

#define USUAL_PASSES 20 /* over the data, that Newton steps take in the whole space */

/* ---- the problem as the certified solver sees it ------------------------------------------------------ */

static void close_problem(pdl_elastic *on, double *moment)
{
    pdl_elastic_release(on);
    pdl_free(moment);
}

/* *moment is the problem's; close_problem frees it. */
static pdl_status open_problem(const pdl_optimum *how, pdl_elastic *on, double **moment, pdl_error *error)
{
    const pdl_objective *objective = how->objective;
    size_t columns = objective->matrix->columns;
    *on = (pdl_elastic){.product = {.matrix = objective->matrix,
                                    .inverse_deviation = objective->inverse_deviation,
                                    .scaled_mean = objective->scaled_mean,
                                    .threads = objective->threads},
                        .loss = objective->loss,
                        .class_weight = how->class_weight,
                        .classes = how->classes,
                        .total_weight = objective->total_weight,
                        .fit_intercept = objective->fit_intercept,
                        .standardization = objective->standardization,
                        .l1 = how->l1,
                        .l2 = objective->l2};
    *moment = pdl_alloc(columns, sizeof(double));
    if (*moment == NULL) return pdl_fail_memory(error, columns * sizeof(double), "the features' second moments");
    for (size_t j = 0; j < columns; j++) {
        double mean = objective->centred ? 0 : how->mean[j] * objective->inverse_deviation[j];
        (*moment)[j] = 1 + mean * mean;
    }
    on->moment = *moment;
    return pdl_elastic_prepare(on, error);
}

/* ---- in the samples' span ----------------------------------------------------------------------------- */

typedef struct samples {
    pdl_span span;
    pdl_matrix shape; /* rows, columns and sets alone: the span's factor takes the features' place */
    pdl_elastic problem;
    double *scales; /* [3, rank]: u = 1, m = 0, moment */
    double *beta;   /* coefficients, then intercepts */
} samples;

static pdl_status open_samples(const pdl_optimum *how, samples *work, pdl_error *error)
{
    const pdl_objective *objective = how->objective;
    const pdl_matrix *matrix = objective->matrix;
    pdl_status status = pdl_span_open(&work->span, how->objective, error);
    if (status != PDL_OK) return status;
    size_t rank = work->span.rank, rows = matrix->rows;
    work->shape = (pdl_matrix){
        .kernels = matrix->kernels, .rows = rows, .columns = rank, .sets = matrix->sets, .stride = matrix->stride};
    work->scales = pdl_alloc_zero(3 * rank, sizeof(double));
    work->beta = pdl_alloc((rank + 1) * matrix->sets, sizeof(double));
    if (work->scales == NULL || work->beta == NULL)
        return pdl_fail_memory(error, (matrix->sets + 3) * rank * sizeof(double), "coefficients of the samples");
    for (size_t k = 0; k < rank; k++) {
        const double *column = work->span.factor + k * rows;
        work->scales[k] = 1;
        for (size_t i = 0; i < rows; i++) {
            double weight = objective->loss.weights != NULL ? objective->loss.weights[i] : 1;
            work->scales[2 * rank + k] += weight * column[i] * column[i] / objective->total_weight;
        }
    }
    work->problem = (pdl_elastic){.product = {.matrix = &work->shape,
                                              .factor = work->span.factor,
                                              .inverse_deviation = work->scales,
                                              .scaled_mean = work->scales + rank,
                                              .threads = objective->threads},
                                  .moment = work->scales + 2 * rank,
                                  .loss = objective->loss,
                                  .class_weight = how->class_weight,
                                  .classes = how->classes,
                                  .total_weight = objective->total_weight,
                                  .fit_intercept = objective->fit_intercept,
                                  .standardization = true,
                                  .l2 = objective->l2};
    return pdl_elastic_prepare(&work->problem, error);
}

/* The optimum over the samples' span into point; *iterations: how many that took. */
static pdl_status find_in_span(const pdl_optimum *how, double *point, size_t *iterations, pdl_error *error)
{
    samples work = {.scales = NULL};
    const pdl_matrix *matrix = how->objective->matrix;
    pdl_status status = open_samples(how, &work, error);
    if (status == PDL_OK) {
        pdl_certified run = {.on = &work.problem,
                             .max_iterations = how->max_iterations,
                             .tolerance = how->tolerance,
                             .record = how->record,
                             .check = how->check,
                             .context = how->context};
        status = pdl_certified_run(&run, work.beta, error);
        *iterations = run.iterations;
        if (status == PDL_OK && how->objective->fit_intercept)
            memcpy(point + matrix->sets * matrix->columns, work.beta + matrix->sets * work.span.rank,
                   matrix->sets * sizeof(double));
        if (status == PDL_OK) status = pdl_span_expand(&work.span, work.beta, point, error);
    }
    pdl_elastic_release(&work.problem);
    pdl_free(work.scales);
    pdl_free(work.beta);
    pdl_span_close(&work.span);
    return status;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static pdl_optimality optimality_of(const pdl_certificate *certificate, pdl_outcome outcome)
{
    return (pdl_optimality){.objective = certificate->objective,
                            .residual = certificate->residual,
                            .gap = certificate->gap,
                            .outcome = outcome};
}

pdl_status pdl_optimum_find(const pdl_optimum *how, double *point, pdl_optimality *optimality, pdl_error *error)
{
    pdl_elastic problem;
    double *moment;
    pdl_certified run = {.on = &problem,
                         .max_iterations = how->max_iterations,
                         .tolerance = how->tolerance,
                         .record = how->record,
                         .check = how->check,
                         .context = how->context,
                         .started = how->started};
    pdl_status status = open_problem(how, &problem, &moment, error);
    bool in_span = !how->started && how->l1 == 0 && how->objective->l2 > 0 && how->max_iterations > 0 &&
                   pdl_span_pays(how->objective, USUAL_PASSES);
    if (status == PDL_OK && in_span) {
        status = find_in_span(how, point, &run.iterations, error);
        run.started = run.recorded = true;
    }
    if (status == PDL_OK) status = pdl_certified_run(&run, point, error);
    *optimality = optimality_of(&run.certificate, run.outcome);
    close_problem(&problem, moment);
    return status;
}

pdl_status pdl_optimum_certify(const pdl_optimum *how, const double *point, pdl_optimality *optimality,
                               pdl_error *error)
{
    pdl_elastic problem;
    double *moment;
    pdl_certificate certificate;
    pdl_status status = open_problem(how, &problem, &moment, error);
    if (status == PDL_OK) status = pdl_certify_point(&problem, point, &certificate, error);
    if (status == PDL_OK) *optimality = optimality_of(&certificate, PDL_CONVERGED);
    close_problem(&problem, moment);
    return status;
}
