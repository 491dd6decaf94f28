/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/newton.h"

#include "base/memory.h"
#include "base/status.h"
#include "linear/vector.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PRODUCTS 200     /* conjugate gradient steps of one direction */
#define MAX_HALVINGS 12      /* of a Newton step before the proximal step has its turn */
#define MAX_DOUBLINGS 60     /* of the proximal step's curvature */
#define SUFFICIENT 1e-4      /* share of the expected decrease that a step must make */
#define ROUNDING 1e-14       /* relative error of F that may hide a decrease */
#define TRUNCATION 0.25      /* loosest relative residual of a direction */
#define FLAT 1e-13           /* curvature beside what the preconditioner expects: rounding */
#define SHIFT_CURVATURE 1e-3 /* of the predictions' variance: with less L2 a shift of coefficients is nearly free */
#define MIN_VARIANCE 1e-12   /* keeps the preconditioner finite where predictions are certain */

/* Vectors of the size of a point, and of the rows' margins. */
typedef struct search {
    pdl_newton *newton;
    pdl_elastic *on;
    size_t sets, columns, size;
    double value;                                 /* F at the point */
    double *g, *v, *d, *rest, *along, *bent, *to; /* gradient, pseudo-gradient, direction; CG's r, p, Hp; trial point */
    double *variance, largest_variance;           /* [sets] */
    double *margins;                              /* [rows, stride] */
    double *intercept_gradient;                   /* [sets], also where there are no intercepts */
    double *set_values;                           /* [sets] scratch */
} search;

static pdl_status open_search(search *on, pdl_newton *newton, pdl_error *error)
{
    pdl_elastic *problem = newton->on;
    const pdl_matrix *matrix = problem->product.matrix;
    *on = (search){.newton = newton, .on = problem, .sets = matrix->sets, .columns = matrix->columns};
    on->size = pdl_elastic_size(problem);
    double **const vectors[] = {&on->g, &on->v, &on->d, &on->rest, &on->along, &on->bent, &on->to};
    bool made = true;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        *vectors[i] = pdl_alloc(on->size, sizeof(double));
        made = made && *vectors[i] != NULL;
    }
    on->variance = pdl_alloc(on->sets, sizeof(double));
    on->intercept_gradient = pdl_alloc(on->sets, sizeof(double));
    on->margins = pdl_alloc(matrix->rows * matrix->stride, sizeof(double));
    on->set_values = pdl_alloc(on->sets, sizeof(double));
    made = made && on->set_values != NULL;
    if (made && on->variance != NULL && on->intercept_gradient != NULL && on->margins != NULL) return PDL_OK;
    return pdl_fail_memory(error, 7 * on->size * sizeof(double), "the Newton steps' vectors");
}

static void close_search(search *on)
{
    double *const vectors[] = {on->g,         on->v,  on->d,        on->rest,    on->along,
                               on->bent,      on->to, on->variance, on->margins, on->intercept_gradient,
                               on->set_values};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        pdl_free(vectors[i]);
}

static pdl_status check(const search *on, pdl_error *error)
{
    return on->newton->check != NULL ? on->newton->check(on->newton->context, error) : PDL_OK;
}

/* ---- loops over the coefficients, set by set; the intercepts follow as sets of one ------------------- */

typedef struct part {
    const search *on;
    size_t offset; /* of the part's first variable */
    size_t set;
    bool intercept;
    double a, b; /* factors of the loop */
} part;

static double run_parts(const search *on, pdl_piece body, double a, double b)
{
    double sum = 0;
    for (size_t c = 0; c < on->sets; c++) {
        part work = {.on = on, .offset = c * on->columns, .set = c, .a = a, .b = b};
        sum += pdl_vector_run(on->on->product.threads, on->columns, body, &work);
    }
    for (size_t c = 0; c < on->sets && on->on->fit_intercept; c++) {
        part work = {.on = on, .offset = on->sets * on->columns + c, .set = c, .intercept = true, .a = a, .b = b};
        sum += body(&work, 0, 1);
    }
    return sum;
}

static double absolute_of(const part *work, size_t j)
{
    return work->intercept ? 0 : pdl_elastic_absolute(work->on->on, j);
}

static double square_of(const part *work, size_t j)
{
    return work->intercept ? 0 : pdl_elastic_square(work->on->on, j);
}

static double preconditioner_of(const part *work, size_t j)
{
    double variance = work->on->variance[work->set];
    return work->intercept ? variance : variance * work->on->on->moment[j] + pdl_elastic_square(work->on->on, j);
}

static bool is_free(const search *on, size_t k)
{
    return on->newton->point[k] != 0 || on->v[k] != 0;
}

/* g becomes f's gradient, v the pseudo-gradient. */
static double slopes_piece(const void *context, size_t first, size_t last)
{
    const part *work = context;
    const search *on = work->on;
    for (size_t j = first; j < last; j++) {
        size_t k = work->offset + j;
        double x = on->newton->point[k], p = absolute_of(work, j);
        if (!work->intercept) on->g[k] += square_of(work, j) * x;
        double g = on->g[k];
        if (p == 0)
            on->v[k] = g;
        else if (x != 0)
            on->v[k] = g + copysign(p, x);
        else
            on->v[k] = fabs(g) > p ? g - copysign(p, g) : 0;
    }
    return 0;
}

/* The start of the conjugate gradients: d = 0, r = -v, p = r / M; the sum of r r / M. */
static double start_piece(const void *context, size_t first, size_t last)
{
    const part *work = context;
    const search *on = work->on;
    double sum = 0;
    for (size_t j = first; j < last; j++) {
        size_t k = work->offset + j;
        on->d[k] = 0;
        on->rest[k] = -on->v[k];
        on->along[k] = on->rest[k] / preconditioner_of(work, j);
        sum += on->rest[k] * on->along[k];
    }
    return sum;
}

/* Hp gets the penalty's part, and 0 where nothing is free; the sum of p Hp. */
static double bend_piece(const void *context, size_t first, size_t last)
{
    const part *work = context;
    const search *on = work->on;
    double sum = 0;
    for (size_t j = first; j < last; j++) {
        size_t k = work->offset + j;
        on->bent[k] = is_free(on, k) ? on->bent[k] + square_of(work, j) * on->along[k] : 0;
        sum += on->along[k] * on->bent[k];
    }
    return sum;
}

/* d += a p, r -= a Hp; the sum of r r / M. */
static double advance_piece(const void *context, size_t first, size_t last)
{
    const part *work = context;
    const search *on = work->on;
    double sum = 0;
    for (size_t j = first; j < last; j++) {
        size_t k = work->offset + j;
        on->d[k] += work->a * on->along[k];
        on->rest[k] -= work->a * on->bent[k];
        sum += on->rest[k] * on->rest[k] / preconditioner_of(work, j);
    }
    return sum;
}

/* p = r / M + a p */
static double turn_piece(const void *context, size_t first, size_t last)
{
    const part *work = context;
    const search *on = work->on;
    for (size_t j = first; j < last; j++) {
        size_t k = work->offset + j;
        on->along[k] = on->rest[k] / preconditioner_of(work, j) + work->a * on->along[k];
    }
    return 0;
}

/* sum of M p^2, the curvature that the preconditioner expects of p */
static double expected_piece(const void *context, size_t first, size_t last)
{
    const part *work = context;
    const search *on = work->on;
    double sum = 0;
    for (size_t j = first; j < last; j++)
        sum += preconditioner_of(work, j) * on->along[work->offset + j] * on->along[work->offset + j];
    return sum;
}

/* From 0 a variable under L1 moves against v or not at all. */
static double align_piece(const void *context, size_t first, size_t last)
{
    const part *work = context;
    const search *on = work->on;
    for (size_t j = first; j < last; j++) {
        size_t k = work->offset + j;
        if (absolute_of(work, j) > 0 && on->newton->point[k] == 0 && on->d[k] * on->v[k] >= 0) on->d[k] = 0;
    }
    return 0;
}

/* The trial point b + a d within its orthant; the sum of v times the step. */
static double trial_piece(const void *context, size_t first, size_t last)
{
    const part *work = context;
    const search *on = work->on;
    double sum = 0;
    for (size_t j = first; j < last; j++) {
        size_t k = work->offset + j;
        double x = on->newton->point[k], to = x + work->a * on->d[k];
        if (absolute_of(work, j) > 0 && (x != 0 ? to * x < 0 : to * on->v[k] > 0)) to = 0;
        on->to[k] = to;
        if (to != x) sum += on->v[k] * (to - x);
    }
    return sum;
}

/* The proximal step with curvature a M; the sum of what F falls by under that model. */
static double proximal_piece(const void *context, size_t first, size_t last)
{
    const part *work = context;
    const search *on = work->on;
    double sum = 0;
    for (size_t j = first; j < last; j++) {
        size_t k = work->offset + j;
        double x = on->newton->point[k], p = absolute_of(work, j), M = work->a * preconditioner_of(work, j);
        double to = x - on->g[k] / M;
        to = copysign(fmax(fabs(to) - p / M, 0), to);
        if (!isfinite(x)) to = x;
        on->to[k] = to;
        if (to != x) sum += on->g[k] * (to - x) + M / 2 * (to - x) * (to - x) + p * (fabs(to) - fabs(x));
    }
    return sum;
}

/* ---- softmax with next to no L2: a feature's coefficients may be shifted together ---------------------- */

static bool is_shiftable(const search *on, size_t column)
{
    return pdl_elastic_square(on->on, column) <= SHIFT_CURVATURE * on->largest_variance;
}

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The s that minimises sum_c square / 2 (b_c - s)^2 + absolute |b_c - s|; sorts b. */
static double best_shift(double *b, size_t count, double square, double absolute)
{
    double sum = 0;
    for (size_t c = 0; c < count; c++)
        sum += b[c];
    qsort(b, count, sizeof *b, ascending);
    for (size_t c = 0; c < count; c++) {
        double balance = absolute * ((double)count - 2 * (double)c); /* of signs, left of b[c] */
        if (square * ((double)count * b[c] - sum) - balance + 2 * absolute < 0) continue;
        if (square * ((double)count * b[c] - sum) <= balance) return b[c];
        return (sum + balance / square) / (double)count;
    }
    return sum / (double)count;
}

/* Shifts each feature's coefficients by what makes its penalty smallest: no loss changes. */
static void shift_coefficients(search *on, double *point)
{
    size_t sets = on->sets, columns = on->columns;
    double *values = on->set_values;
    for (size_t j = 0; j < columns; j++) {
        double sum = 0, absolute = pdl_elastic_absolute(on->on, j), square = pdl_elastic_square(on->on, j);
        size_t positive = 0, negative = 0;
        for (size_t c = 0; c < sets; c++) {
            values[c] = point[c * columns + j];
            positive += values[c] > 0;
            negative += values[c] < 0;
            sum += values[c];
        }
        double slope = square * sum + absolute * ((double)positive - (double)negative);
        if (fabs(slope) <= absolute * (double)(sets - positive - negative) || !is_shiftable(on, j)) continue;
        double shift = best_shift(values, sets, square, absolute);
        for (size_t c = 0; c < sets; c++)
            point[c * columns + j] -= shift;
    }
}

/* Holds one coefficient that is 0 where all of a feature's are free: the others can do all that it could. */
static void hold_one_of_each(search *on)
{
    size_t sets = on->sets, columns = on->columns;
    for (size_t j = 0; j < columns; j++) {
        size_t held = SIZE_MAX, c = 0;
        if (!is_shiftable(on, j)) continue;
        for (; c < sets && is_free(on, c * columns + j); c++) {
            size_t k = c * columns + j;
            if (on->newton->point[k] == 0 && (held == SIZE_MAX || fabs(on->v[k]) < fabs(on->v[held]))) held = k;
        }
        if (c == sets && held != SIZE_MAX) on->v[held] = 0;
    }
}

/* ---- steps ------------------------------------------------------------------------------------------- */

static const double *intercepts_of(const search *on, const double *point)
{
    return on->on->fit_intercept ? point + on->sets * on->columns : NULL;
}

/* F at the trial point; margins become its residuals. */
static double evaluate(search *on, double *mean_loss)
{
    double *point = on->to;
    if (on->on->loss.multinomial && on->on->l1 > 0) shift_coefficients(on, point);
    pdl_product_margins(&on->on->product, point, intercepts_of(on, point), on->margins);
    *mean_loss = pdl_elastic_losses(on->on, on->margins);
    return *mean_loss + pdl_elastic_penalty(on->on, point);
}

/* out = the smooth loss's gradient from residuals, or its second derivative's product from bent residuals. */
static void gather(search *on, const double *residuals, double *out)
{
    double *intercepts = on->on->fit_intercept ? out + on->sets * on->columns : on->intercept_gradient;
    pdl_elastic_gradient(on->on, residuals, out, intercepts);
}

/* Slopes at the point, and the largest |v|. */
static double find_slopes(search *on)
{
    const pdl_newton *newton = on->newton;
    size_t count = on->sets * on->columns;
    if (newton->steps == 0 && newton->gradient != NULL) {
        memcpy(on->g, newton->gradient, count * sizeof(double));
        memcpy(on->g + count, newton->intercept_gradient, (on->size - count) * sizeof(double));
    } else {
        gather(on, newton->residuals, on->g);
    }
    run_parts(on, slopes_piece, 0, 0);
    pdl_elastic_variance(on->on, on->newton->residuals, on->variance);
    for (size_t c = 0; c < on->sets; c++)
        on->variance[c] = fmax(on->variance[c], MIN_VARIANCE);
    on->largest_variance = 0;
    for (size_t c = 0; c < on->sets; c++)
        on->largest_variance = fmax(on->largest_variance, on->variance[c]);
    double largest = 0;
    for (size_t k = 0; k < on->size; k++)
        if (!(fabs(on->v[k]) <= largest)) largest = fabs(on->v[k]);
    if (on->on->loss.multinomial && on->on->l1 > 0) hold_one_of_each(on);
    return largest;
}

/* The way along a direction to where the first coefficient gets 0; infinite if none does. */
static double way_to_zero(const search *on, const double *direction)
{
    double way = INFINITY;
    for (size_t k = 0; k < on->sets * on->columns; k++) {
        double x = on->newton->point[k];
        if (x * direction[k] < 0) way = fmin(way, -x / direction[k]);
    }
    return way * (1 + 4 * DBL_EPSILON); /* and a last digit beyond, so that rounding does not leave it short of 0 */
}

/* F is linear along p, as where features are copies of each other: d goes on to where the first coefficient gets 0.
 * Without such an end, and without L1, there is nothing to gain. */
static void go_along(search *on)
{
    double way = on->on->l1 > 0 ? way_to_zero(on, on->along) : INFINITY;
    for (size_t k = 0; k < on->size && !isinf(way); k++)
        on->d[k] += way * on->along[k];
}

static pdl_status find_direction(search *on, pdl_error *error)
{
    pdl_product *product = &on->on->product;
    double square = run_parts(on, start_piece, 0, 0), start = sqrt(square);
    double goal = fmin(TRUNCATION, sqrt(start)) * start;
    for (size_t k = 0; k < MAX_PRODUCTS; k++) {
        pdl_product_margins(product, on->along, intercepts_of(on, on->along), on->margins);
        pdl_elastic_curvature(on->on, on->newton->residuals, on->margins);
        gather(on, on->margins, on->bent);
        pdl_status status = check(on, error);
        if (status != PDL_OK) return status;
        double curvature = run_parts(on, bend_piece, 0, 0);
        if (!(curvature > FLAT * run_parts(on, expected_piece, 0, 0))) {
            go_along(on);
            break;
        }
        double before = square;
        square = run_parts(on, advance_piece, before / curvature, 0);
        if (sqrt(square) <= goal) break;
        run_parts(on, turn_piece, square / before, 0);
    }
    run_parts(on, align_piece, 0, 0);
    on->newton->reach = 0;
    if (on->on->l1 != 0 || on->on->l2 != 0) return PDL_OK;
    pdl_product_margins(product, on->d, intercepts_of(on, on->d), on->margins);
    const pdl_matrix *matrix = product->matrix;
    for (size_t k = 0; k < matrix->rows * matrix->stride; k++)
        on->newton->reach = fmax(on->newton->reach, fabs(on->margins[k]));
    return PDL_OK;
}

/* Takes the trial point, whose residuals are in margins. */
static void accept(search *on, double value, double mean_loss)
{
    pdl_newton *newton = on->newton;
    const pdl_matrix *matrix = on->on->product.matrix;
    memcpy(newton->point, on->to, on->size * sizeof(double));
    double *residuals = newton->residuals;
    memcpy(residuals, on->margins, matrix->rows * matrix->stride * sizeof(double));
    newton->mean_loss = mean_loss;
    on->value = value;
    newton->steps++;
}

/* *cut: only the shortest step was found, if any. */
static pdl_status newton_step(search *on, bool *found, bool *cut, pdl_error *error)
{
    double t = 1, mean_loss, slack = ROUNDING * fabs(on->value);
    double zero = on->on->l1 > 0 ? way_to_zero(on, on->d) : INFINITY;
    *found = *cut = false;
    for (size_t k = 0; k <= MAX_HALVINGS && !*found; k++, t /= 2) {
        *cut = k == MAX_HALVINGS;
        if (*cut && zero < t) t = zero; /* no orthant is left: F is nearly what its model says */
        double slope = run_parts(on, trial_piece, t, 0), value = evaluate(on, &mean_loss);
        pdl_status status = check(on, error);
        if (status != PDL_OK) return status;
        *found = slope < 0 && value <= on->value + SUFFICIENT * slope + slack;
        if (*found) accept(on, value, mean_loss);
    }
    return PDL_OK;
}

static pdl_status proximal_step(search *on, bool *found, pdl_error *error)
{
    double scale = 1, mean_loss;
    *found = false;
    for (size_t k = 0; k < MAX_DOUBLINGS && !*found; k++, scale *= 2) {
        double expected = run_parts(on, proximal_piece, scale, 0), value = evaluate(on, &mean_loss);
        pdl_status status = check(on, error);
        if (status != PDL_OK) return status;
        if (!(expected < -ROUNDING * fabs(on->value))) return PDL_OK;
        *found = value <= on->value + SUFFICIENT * expected;
        if (*found) accept(on, value, mean_loss);
    }
    return PDL_OK;
}

pdl_status pdl_newton_run(pdl_newton *newton, pdl_error *error)
{
    search on;
    pdl_status status = open_search(&on, newton, error);
    newton->steps = 0;
    newton->stuck = false;
    if (status != PDL_OK) goto done;
    on.value = newton->mean_loss + pdl_elastic_penalty(newton->on, newton->point);
    while (newton->steps < newton->max_steps && !newton->stuck && find_slopes(&on) > newton->target) {
        bool found = false, cut = false;
        status = find_direction(&on, error);
        if (status == PDL_OK) status = newton_step(&on, &found, &cut, error);
        if (status == PDL_OK && cut) {
            bool also = false;
            if (found) find_slopes(&on);
            status = proximal_step(&on, &also, error);
            found = found || also;
        }
        if (status != PDL_OK) goto done;
        newton->stuck = !found;
    }
done:
    close_search(&on);
    return status;
}
