/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/statistics.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#define STRIP 256 /* columns surveyed at a time: their means and spreads stay in an L1 cache */

typedef struct survey {
    pdl_statistics *statistics;
    const pdl_matrix *matrix;
    const double *weights;
    const double *share;     /* [rows] w_i / (w_0 + ... + w_i) */
    double denominator;      /* of the variance */
    size_t strip, strips;    /* columns of a strip; strips in a tile */
    atomic_size_t *nonzeros; /* [tiles] */
    atomic_bool broken;
} survey;

static void survey_strip(void *context, size_t index, size_t worker)
{
    (void)worker;
    survey *work = context;
    const pdl_matrix *matrix = work->matrix;
    size_t tile = index / work->strips, offset = index % work->strips * work->strip;
    size_t tile_width = pdl_matrix_tile_width(matrix, tile);
    if (offset >= tile_width) return;
    size_t width = tile_width - offset < work->strip ? tile_width - offset : work->strip;
    size_t column = tile * matrix->width + offset;
    double *mean = work->statistics->mean + column, *spread = work->statistics->deviation + column;
    memset(mean, 0, width * sizeof *mean);
    memset(spread, 0, width * sizeof *spread);
    size_t nonzeros = 0, run;
    bool finite = true;
    for (size_t row = 0; row < matrix->rows; row += run) {
        const float *x = pdl_matrix_run(matrix, row, matrix->rows - row, &run) + column;
        for (size_t i = row; i < row + run; i++, x += matrix->columns) {
            double weight = work->weights != NULL ? work->weights[i] : 1;
            nonzeros += matrix->kernels->survey_row(x, width, weight, work->share[i], mean, spread, &finite);
        }
    }
    for (size_t j = 0; j < width; j++) {
        double variance = work->denominator > 0 ? spread[j] / work->denominator : 0;
        spread[j] = variance > 0 ? sqrt(variance) : 0;
    }
    atomic_fetch_add(&work->nonzeros[tile], nonzeros);
    if (!finite) atomic_store(&work->broken, true);
}

/* The first value that is not finite, in reading order. */
static pdl_status report_broken(const pdl_matrix *matrix, pdl_error *error)
{
    size_t run;
    for (size_t row = 0; row < matrix->rows; row += run) {
        const float *x = pdl_matrix_run(matrix, row, matrix->rows - row, &run);
        for (size_t i = 0; i < run; i++)
            for (size_t j = 0; j < matrix->columns; j++)
                if (!isfinite(x[i * matrix->columns + j]))
                    return pdl_fail(error, PDL_EDATA, "row %zu: feature %zu is %g; features must be finite", row + i, j,
                                    (double)x[i * matrix->columns + j]);
    }
    return pdl_fail(error, PDL_EINTERNAL, "a feature was not finite, but is now");
}

static double running_shares(size_t rows, const double *weights, double *share, double *squares)
{
    double total = 0;
    for (size_t i = 0; i < rows; i++) {
        double weight = weights != NULL ? weights[i] : 1;
        total += weight;
        *squares += weight * weight;
        share[i] = total > 0 ? weight / total : 0;
    }
    return total;
}

pdl_status pdl_statistics_compute(pdl_statistics *statistics, const pdl_matrix *matrix, const double *weights,
                                  size_t threads, pdl_error *error)
{
    pdl_status status = PDL_OK;
    size_t strip = matrix->width < STRIP ? matrix->width : STRIP;
    survey work = {.statistics = statistics, .matrix = matrix, .weights = weights, .strip = strip};
    double squares = 0;
    double *share = pdl_alloc(matrix->rows, sizeof *share);
    *statistics = (pdl_statistics){.mean = pdl_alloc(matrix->columns, sizeof(double)),
                                   .deviation = pdl_alloc(matrix->columns, sizeof(double)),
                                   .nonzeros = pdl_alloc_zero(matrix->tiles, sizeof(size_t))};
    work.nonzeros = pdl_alloc_zero(matrix->tiles, sizeof *work.nonzeros);
    if (share == NULL || statistics->mean == NULL || statistics->deviation == NULL || statistics->nonzeros == NULL ||
        work.nonzeros == NULL) {
        status = pdl_fail_memory(error, (matrix->rows + 2 * matrix->columns) * sizeof(double), "feature statistics");
        goto done;
    }
    statistics->total_weight = running_shares(matrix->rows, weights, share, &squares);
    work.denominator = statistics->total_weight - squares / statistics->total_weight;
    work.share = share;
    work.strips = matrix->width / strip;
    pdl_parallel_for(threads, matrix->tiles * work.strips, survey_strip, &work);
    if (work.broken) status = report_broken(matrix, error);
    for (size_t t = 0; t < matrix->tiles; t++)
        statistics->nonzeros[t] = work.nonzeros[t];
done:
    pdl_free(work.nonzeros);
    pdl_free(share);
    if (status != PDL_OK) pdl_statistics_free(statistics);
    return status;
}

void pdl_statistics_free(pdl_statistics *statistics)
{
    pdl_free(statistics->mean);
    pdl_free(statistics->deviation);
    pdl_free(statistics->nonzeros);
    *statistics = (pdl_statistics){0};
}
