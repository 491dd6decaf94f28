/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/span.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"
#include "linear/gram.h"
#include "linear/vector.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define CHUNK 64 /* samples, or dimensions, that one task works on */

bool pdl_span_pays(const pdl_objective *objective, size_t max_iterations)
{
    const pdl_matrix *matrix = objective->matrix;
    double sets = (double)matrix->sets, rows = (double)matrix->rows, columns = (double)matrix->columns;
    bool inside = objective->standardization || objective->l2 == 0;
    bool small = 2 * rows <= columns && rows * rows <= sets * columns;
    double plain = 2 * rows * sets * (double)max_iterations; /* multiply-adds a feature */
    return inside && small && pdl_gram_cost(matrix) <= plain;
}

/* ---- factoring --------------------------------------------------------------------------------------- */

PDL_CLONES static void subtract_multiple(double *restrict out, double factor, const double *restrict a, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] -= factor * a[i];
}

typedef struct elimination {
    const double *gram, *factor;
    double *out; /* the row of L^T in the making */
    size_t rows, rank, pivot;
} elimination;

static void eliminate_chunk(void *context, size_t chunk, size_t worker)
{
    (void)worker;
    const elimination *work = context;
    size_t first = chunk * CHUNK, count = work->rows - first < CHUNK ? work->rows - first : CHUNK;
    memcpy(work->out + first, work->gram + work->pivot * work->rows + first, count * sizeof(double));
    for (size_t k = 0; k < work->rank; k++) {
        const double *row = work->factor + k * work->rows;
        subtract_multiple(work->out + first, row[work->pivot], row + first, count);
    }
}

static size_t largest(const double *left, size_t rows)
{
    size_t best = 0;
    for (size_t i = 1; i < rows; i++)
        if (left[i] > left[best]) best = i;
    return best;
}

/* L^T by Cholesky with pivots. left[i]: what is left of |z_i|^2 outside the dimensions so far. */
static void factorise(pdl_span *span, const double *gram, double *left)
{
    size_t rows = span->objective->matrix->rows;
    for (size_t i = 0; i < rows; i++)
        left[i] = gram[i * rows + i];
    double least = (double)rows * DBL_EPSILON * left[largest(left, rows)];
    while (span->rank < rows) {
        size_t pivot = largest(left, rows);
        if (!(left[pivot] > least)) break;
        double *out = span->factor + span->rank * rows, root = sqrt(left[pivot]);
        elimination work = {gram, span->factor, out, rows, span->rank, pivot};
        pdl_parallel_for(span->objective->threads, (rows + CHUNK - 1) / CHUNK, eliminate_chunk, &work);
        for (size_t i = 0; i < rows; i++)
            out[i] = left[i] == -INFINITY ? 0 : out[i] / root;
        out[pivot] = root;
        for (size_t i = 0; i < rows; i++)
            left[i] -= out[i] * out[i];
        left[pivot] = -INFINITY; /* a sample is a pivot once */
        span->pivot[span->rank++] = pivot;
    }
}

pdl_status pdl_span_open(pdl_span *span, pdl_objective *objective, pdl_error *error)
{
    const pdl_matrix *matrix = objective->matrix;
    size_t rows = matrix->rows;
    *span = (pdl_span){.objective = objective};
    double *gram = NULL, *left = pdl_alloc(rows, sizeof *left);
    pdl_status status = pdl_gram_compute(objective, &gram, error);
    if (status != PDL_OK) goto done;
    span->factor = pdl_alloc(rows * rows, sizeof(double));
    span->pivot = pdl_alloc(rows, sizeof *span->pivot);
    span->margins = pdl_alloc_zero(rows * matrix->stride, sizeof(double));
    span->multipliers = pdl_alloc(rows * matrix->sets, sizeof(double));
    if (left == NULL || span->factor == NULL || span->pivot == NULL || span->margins == NULL ||
        span->multipliers == NULL) {
        status = pdl_fail_memory(error, rows * rows * sizeof(double), "the span of the samples");
        goto done;
    }
    factorise(span, gram, left);
done:
    pdl_free(gram);
    pdl_free(left);
    if (status != PDL_OK) pdl_span_close(span);
    return status;
}

void pdl_span_close(pdl_span *span)
{
    pdl_free(span->factor);
    pdl_free(span->pivot);
    pdl_free(span->margins);
    pdl_free(span->multipliers);
    *span = (pdl_span){0};
}

/* ---- the objective ----------------------------------------------------------------------------------- */

size_t pdl_span_size(const pdl_span *span)
{
    size_t sets = span->objective->matrix->sets;
    return sets * span->rank + (span->objective->fit_intercept ? sets : 0);
}

typedef struct pass {
    const pdl_span *span;
    const double *beta;
    double *gradient;
} pass;

PDL_CLONES static void add_multiple(double *restrict out, double factor, const double *restrict a)
{
    for (size_t i = 0; i < CHUNK; i++)
        out[i] += factor * a[i];
}

/* margins = L beta for a chunk of samples */
static void margin_chunk(void *context, size_t chunk, size_t worker)
{
    (void)worker;
    const pass *work = context;
    const pdl_span *span = work->span;
    const pdl_matrix *matrix = span->objective->matrix;
    size_t first = chunk * CHUNK, count = matrix->rows - first < CHUNK ? matrix->rows - first : CHUNK;
    double *margins = span->margins + first * matrix->stride;
    for (size_t c = 0; c < matrix->sets; c++) {
        const double *beta = work->beta + c * span->rank;
        double sum[CHUNK] = {0};
        for (size_t k = 0; k < span->rank; k++) {
            const double *row = span->factor + k * matrix->rows + first;
            if (count == CHUNK)
                add_multiple(sum, beta[k], row);
            else
                for (size_t i = 0; i < count; i++)
                    sum[i] += beta[k] * row[i];
        }
        for (size_t i = 0; i < count; i++)
            margins[i * matrix->stride + c] = sum[i];
    }
}

/* gradient = L^T r / W + l2 beta for a chunk of dimensions */
static void gradient_chunk(void *context, size_t chunk, size_t worker)
{
    (void)worker;
    const pass *work = context;
    const pdl_span *span = work->span;
    size_t rows = span->objective->matrix->rows, rank = span->rank;
    double scale = 1 / span->objective->total_weight, l2 = span->objective->l2;
    for (size_t k = chunk * CHUNK; k < rank && k < (chunk + 1) * CHUNK; k++)
        for (size_t c = 0; c < span->objective->matrix->sets; c++) {
            double sum = pdl_piece_dot(span->factor + k * rows, span->multipliers + c * rows, 0, rows);
            work->gradient[c * rank + k] = scale * sum + l2 * work->beta[c * rank + k];
        }
}

void pdl_span_evaluate(pdl_span *span, const double *beta, double *value, double *gradient)
{
    const pdl_objective *objective = span->objective;
    const pdl_matrix *matrix = objective->matrix;
    size_t rows = matrix->rows, sets = matrix->sets, count = sets * span->rank;
    pass work = {span, beta, gradient};
    pdl_parallel_for(objective->threads, (rows + CHUNK - 1) / CHUNK, margin_chunk, &work);
    double *sums = objective->range_sums; /* the objective's own scratch is free now */
    for (size_t c = 0; c < sets; c++) {
        objective->offset[c] = objective->fit_intercept ? beta[count + c] : 0;
        sums[c] = 0;
    }
    double loss = pdl_loss_rows(&objective->loss, 0, rows, objective->offset, span->margins, sums);
    for (size_t c = 0; c < sets; c++)
        for (size_t i = 0; i < rows; i++)
            span->multipliers[c * rows + i] = span->margins[i * matrix->stride + c];
    pdl_parallel_for(objective->threads, (span->rank + CHUNK - 1) / CHUNK, gradient_chunk, &work);
    *value = loss / objective->total_weight + objective->l2 / 2 * pdl_piece_dot(beta, beta, 0, count);
    for (size_t c = 0; c < sets && objective->fit_intercept; c++)
        gradient[count + c] = sums[c] / objective->total_weight;
}

/* ---- back to coefficients ---------------------------------------------------------------------------- */

/* a of one set, over all samples: L^T a = beta, from the last pivot to the first. */
static void solve(const pdl_span *span, double *beta, double *a, size_t stride)
{
    size_t rows = span->objective->matrix->rows;
    for (size_t k = span->rank; k-- > 0;) {
        const double *row = span->factor + k * rows;
        double left = beta[k];
        for (size_t later = k + 1; later < span->rank; later++)
            left -= row[span->pivot[later]] * beta[later];
        beta[k] = left / row[span->pivot[k]];
        a[span->pivot[k] * stride] = beta[k];
    }
}

pdl_status pdl_span_expand(pdl_span *span, double *beta, double *coefficients, pdl_error *error)
{
    const pdl_matrix *matrix = span->objective->matrix;
    memset(span->margins, 0, matrix->rows * matrix->stride * sizeof *span->margins);
    for (size_t c = 0; c < matrix->sets; c++)
        solve(span, beta + c * span->rank, span->margins + c, matrix->stride);
    return pdl_objective_combine(span->objective, span->margins, coefficients, error);
}
