/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/elastic.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"
#include "linear/vector.h"

#include <math.h>

#define MAX_RANGES 64
#define MIN_RANGE 64

pdl_status pdl_elastic_prepare(pdl_elastic *on, pdl_error *error)
{
    pdl_status status = pdl_product_prepare(&on->product, error);
    if (status != PDL_OK) return status;
    on->row_sums = pdl_alloc_zero((MAX_RANGES + 1) * on->loss.stride, sizeof(double));
    if (on->row_sums != NULL) return PDL_OK;
    pdl_elastic_release(on);
    return pdl_fail_memory(error, (MAX_RANGES + 1) * on->loss.stride * sizeof(double), "sums of rows");
}

void pdl_elastic_release(pdl_elastic *on)
{
    pdl_product_release(&on->product);
    pdl_free(on->row_sums);
    on->row_sums = NULL;
}

/* Rows are cut into ranges by their number alone; the ranges' sums are added in order. */
typedef struct ranges {
    const pdl_elastic *on;
    const double *residuals;
    double *t;
    size_t rows, range;
    double sums[MAX_RANGES];
} ranges;

static size_t cut_rows(ranges *work)
{
    work->rows = work->on->product.matrix->rows;
    work->range = (work->rows + MAX_RANGES - 1) / MAX_RANGES;
    if (work->range < MIN_RANGE) work->range = MIN_RANGE;
    return (work->rows + work->range - 1) / work->range;
}

static void losses_of_range(void *context, size_t index, size_t worker)
{
    (void)worker;
    ranges *work = context;
    const pdl_loss *loss = &work->on->loss;
    size_t first = index * work->range, last = first + work->range < work->rows ? first + work->range : work->rows;
    work->sums[index] = pdl_loss_rows(loss, first, last, work->on->row_sums, work->t + first * loss->stride,
                                      work->on->row_sums + (index + 1) * loss->stride);
}

double pdl_elastic_losses(const pdl_elastic *on, double *t)
{
    ranges work = {.on = on, .t = t};
    size_t count = cut_rows(&work);
    pdl_parallel_for(on->product.threads, count, losses_of_range, &work);
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += work.sums[i];
    return sum / on->total_weight;
}

/* Residuals are w (p - e), e being 1 for the row's class: they give p back, and small p exactly. */
static void softmax_row(size_t sets, size_t label, double weight, const double *residual, double *change)
{
    double mean = 0;
    for (size_t c = 0; c < sets; c++)
        mean += (residual[c] / weight + (c == label)) * change[c];
    for (size_t c = 0; c < sets; c++)
        change[c] = (residual[c] + (c == label) * weight) * (change[c] - mean);
}

static void curvature_of_range(void *context, size_t index, size_t worker)
{
    (void)worker;
    ranges *work = context;
    const pdl_loss *loss = &work->on->loss;
    size_t first = index * work->range, last = first + work->range < work->rows ? first + work->range : work->rows;
    for (size_t i = first; i < last; i++) {
        double weight = loss->weights != NULL ? loss->weights[i] : 1, *change = work->t + i * loss->stride;
        const double *residual = work->residuals + i * loss->stride;
        if (weight == 0)
            for (size_t c = 0; c < loss->sets; c++)
                change[c] = 0;
        else if (loss->multinomial)
            softmax_row(loss->sets, (size_t)loss->labels[i], weight, residual, change);
        else
            change[0] *= fabs(residual[0]) * (1 - fabs(residual[0]) / weight);
    }
}

void pdl_elastic_curvature(const pdl_elastic *on, const double *residuals, double *change)
{
    ranges work = {.on = on, .residuals = residuals, .t = change};
    size_t count = cut_rows(&work);
    pdl_parallel_for(on->product.threads, count, curvature_of_range, &work);
}

void pdl_elastic_variance(const pdl_elastic *on, const double *residuals, double *variance)
{
    const pdl_loss *loss = &on->loss;
    for (size_t c = 0; c < loss->sets; c++)
        variance[c] = 0;
    for (size_t i = 0; i < on->product.matrix->rows; i++) {
        double weight = loss->weights != NULL ? loss->weights[i] : 1;
        for (size_t c = 0; c < loss->sets && weight > 0; c++) {
            double distance = fabs(residuals[i * loss->stride + c]); /* w p for other classes, w (1 - p) for its own */
            variance[c] += distance * (1 - distance / weight);
        }
    }
    for (size_t c = 0; c < loss->sets; c++)
        variance[c] /= on->total_weight;
}

void pdl_elastic_gradient(pdl_elastic *on, const double *residuals, double *coefficients, double *intercepts)
{
    pdl_product_gradient(&on->product, residuals, 1 / on->total_weight, coefficients, intercepts);
}

typedef struct set_penalty {
    const pdl_elastic *on;
    const double *b;
} set_penalty;

static double penalty_of_piece(const void *context, size_t first, size_t last)
{
    const set_penalty *work = context;
    double sum = 0;
    for (size_t j = first; j < last; j++) {
        double b = fabs(work->b[j]);
        sum += (pdl_elastic_square(work->on, j) / 2 * b + pdl_elastic_absolute(work->on, j)) * b;
    }
    return sum;
}

double pdl_elastic_penalty(const pdl_elastic *on, const double *point)
{
    size_t columns = on->product.matrix->columns;
    double sum = 0;
    for (size_t c = 0; c < on->loss.sets && (on->l1 != 0 || on->l2 != 0); c++) {
        set_penalty work = {.on = on, .b = point + c * columns};
        sum += pdl_vector_run(on->product.threads, columns, penalty_of_piece, &work);
    }
    return sum;
}
