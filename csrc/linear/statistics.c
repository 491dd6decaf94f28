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
    const double *weights;   /* [the fit's rows] or NULL */
    const double *share;     /* dense: [rows] w_i / (w_0 + ... + w_i) */
    double denominator;      /* of the variance */
    double *seen;            /* sparse: [columns] weight of a column's non-zeros */
    const double *countdown; /* sparse, unit weights: [rows + 1] 1 / i */
} survey;

static double deviation_of(const survey *work, double spread)
{
    double variance = work->denominator > 0 ? spread / work->denominator : 0;
    return variance > 0 ? sqrt(variance) : 0;
}

static void survey_strip(void *context, size_t strip, size_t worker)
{
    (void)worker;
    survey *work = context;
    const pdl_matrix *matrix = work->matrix;
    size_t column = strip * STRIP, left = matrix->columns - column, width = left < STRIP ? left : STRIP;
    double *mean = work->statistics->mean + column, *spread = work->statistics->deviation + column;
    bool finite = true;
    memset(mean, 0, width * sizeof *mean);
    memset(spread, 0, width * sizeof *spread);
    for (const pdl_run *run = matrix->run; run < matrix->run + matrix->runs; run++) {
        const float *x = matrix->part[run->part].x + run->row * matrix->columns + column;
        for (size_t i = run->first; i < run[1].first; i++, x += matrix->columns) {
            double weight = work->weights != NULL ? work->weights[i] : 1;
            matrix->kernels->survey_row(x, width, weight, work->share[i], mean, spread, &finite);
        }
    }
    for (size_t j = 0; j < width; j++)
        spread[j] = deviation_of(work, spread[j]);
}

/* Welford's update over the non-zeros of rows first .. last - 1 of a part's tile; rows of the fit from `row`. */
static void update_tile(const survey *work, const pdl_sparse_tile *x, size_t first, size_t last, size_t row,
                        double *mean, double *spread, double *seen)
{
    for (size_t i = first; i < last; i++, row++) {
        double weight = work->weights != NULL ? work->weights[row] : 1;
        for (size_t k = x->start[i]; k < x->start[i + 1]; k++) {
            size_t j = x->index[k];
            double total = seen[j] + weight, delta = (double)x->value[k] - mean[j];
            double share = work->weights != NULL ? weight / total : work->countdown[(size_t)total];
            seen[j] = total;
            mean[j] += share * delta;
            spread[j] += weight * delta * ((double)x->value[k] - mean[j]);
        }
    }
}

static void survey_tile(void *context, size_t tile, size_t worker)
{
    (void)worker;
    survey *work = context;
    const pdl_matrix *matrix = work->matrix;
    size_t column = tile * matrix->width, width = pdl_matrix_tile_width(matrix, tile);
    double *mean = work->statistics->mean + column, *spread = work->statistics->deviation + column;
    double *seen = work->seen + column, total = work->statistics->total_weight;
    memset(mean, 0, width * sizeof *mean);
    memset(spread, 0, width * sizeof *spread);
    memset(seen, 0, width * sizeof *seen);
    for (const pdl_run *run = matrix->run; run < matrix->run + matrix->runs; run++) {
        pdl_sparse_tile x = pdl_part_tile_of(&matrix->part[run->part], tile);
        update_tile(work, &x, run->row, run->row + (run[1].first - run->first), run->first, mean, spread, seen);
    }
    for (size_t j = 0; j < width; j++) {
        spread[j] = deviation_of(work, spread[j] + mean[j] * mean[j] * seen[j] * (total - seen[j]) / total);
        mean[j] *= seen[j] / total;
    }
}

/* total_weight and the variance's denominator; share [rows], where wanted. */
static void weigh(survey *work, double *share)
{
    double total = 0, squares = 0;
    for (size_t i = 0; i < work->matrix->rows; i++) {
        double weight = work->weights != NULL ? work->weights[i] : 1;
        total += weight;
        squares += weight * weight;
        if (share != NULL) share[i] = weight / total;
    }
    work->statistics->total_weight = total;
    work->denominator = total - squares / total;
}

static pdl_status compute(pdl_statistics *statistics, const pdl_matrix *matrix, const double *weights, size_t threads,
                          pdl_error *error)
{
    bool sparse = matrix->sparse != NULL;
    survey work = {.statistics = statistics, .matrix = matrix, .weights = weights};
    double *table = pdl_alloc(matrix->rows + 1, sizeof *table); /* the dense shares, or the sparse reciprocals */
    if (sparse) work.seen = pdl_alloc(matrix->columns, sizeof *work.seen);
    pdl_status status = PDL_OK;
    if (table == NULL || (sparse && work.seen == NULL)) {
        status = pdl_fail_memory(error, (matrix->rows + matrix->columns) * sizeof(double), "feature statistics");
        goto done;
    }
    weigh(&work, sparse ? NULL : table);
    if (sparse) {
        for (size_t i = 0; i <= matrix->rows; i++)
            table[i] = 1 / (double)i;
        work.countdown = table;
        pdl_parallel_for(threads, matrix->tiles, survey_tile, &work);
    } else {
        work.share = table;
        pdl_parallel_for(threads, (matrix->columns + STRIP - 1) / STRIP, survey_strip, &work);
    }
done:
    pdl_free(work.seen);
    pdl_free(table);
    return status;
}

/* ---- sharing ----------------------------------------------------------------------------------------- */

static pdl_statistics *create(const pdl_features *features, const double *weights)
{
    pdl_statistics *statistics = pdl_alloc_zero(1, sizeof *statistics);
    if (statistics == NULL) return NULL;
    statistics->mean = pdl_alloc(features->columns, sizeof(double));
    statistics->deviation = pdl_alloc(features->columns, sizeof(double));
    statistics->weight_count = weights != NULL ? features->rows : 0;
    statistics->weights = pdl_alloc(statistics->weight_count, sizeof(double));
    if (statistics->mean == NULL || statistics->deviation == NULL || statistics->weights == NULL) {
        pdl_statistics_release(statistics);
        return NULL;
    }
    if (weights != NULL) memcpy(statistics->weights, weights, features->rows * sizeof *weights);
    return statistics;
}

static bool hold_for(const pdl_statistics *statistics, const double *weights)
{
    if (statistics == NULL || (statistics->weight_count != 0) != (weights != NULL)) return false;
    return weights == NULL || memcmp(statistics->weights, weights, statistics->weight_count * sizeof *weights) == 0;
}

static void let_go(pdl_statistics *statistics)
{
    if (statistics != NULL && --statistics->holders == 0) pdl_statistics_release(statistics);
}

/* The lock is held while statistics are computed: a second fit with the same weights waits for them. */
pdl_status pdl_statistics_share(pdl_features *features, const pdl_matrix *matrix, const double *weights,
                                const double *row_weights, size_t threads, const pdl_statistics **out, pdl_error *error)
{
    pdl_status status = PDL_OK;
    pdl_statistics *found = NULL;
    pthread_mutex_lock(&features->statistics_lock);
    for (size_t i = 0; i < PDL_KEPT_STATISTICS && found == NULL; i++)
        if (hold_for(features->kept[i], weights)) found = features->kept[i];
    if (found == NULL) {
        found = create(features, weights);
        status = found != NULL ? compute(found, matrix, row_weights, threads, error)
                               : pdl_fail_memory(error, 2 * features->columns * sizeof(double), "feature statistics");
        if (status != PDL_OK) {
            pdl_statistics_release(found);
            goto done;
        }
        let_go(features->kept[features->next_kept]);
        features->kept[features->next_kept] = found;
        features->next_kept = (features->next_kept + 1) % PDL_KEPT_STATISTICS;
        found->holders = 1;
    }
    found->holders++;
    *out = found;
done:
    pthread_mutex_unlock(&features->statistics_lock);
    return status;
}

void pdl_statistics_unshare(pdl_features *features, const pdl_statistics *statistics)
{
    if (statistics == NULL) return;
    pthread_mutex_lock(&features->statistics_lock);
    let_go((pdl_statistics *)statistics);
    pthread_mutex_unlock(&features->statistics_lock);
}

void pdl_statistics_release(pdl_statistics *statistics)
{
    if (statistics == NULL) return;
    pdl_free(statistics->mean);
    pdl_free(statistics->deviation);
    pdl_free(statistics->weights);
    pdl_free(statistics);
}

/* ---- a part's share ---------------------------------------------------------------------------------- */

pdl_status pdl_features_spread(pdl_features *features, const double *weights, size_t threads, double *mean,
                               double *spread, pdl_error *error)
{
    const pdl_statistics *statistics = NULL;
    pdl_matrix matrix = {0};
    double total = 0, squares = 0;
    for (size_t i = 0; i < features->rows; i++) {
        double weight = weights != NULL ? weights[i] : 1;
        if (!(weight > 0) || isinf(weight))
            return pdl_fail(error, PDL_EDATA, "row %zu: weight is %g; expected a finite number above 0", i, weight);
        total += weight;
        squares += weight * weight;
    }
    pdl_status status = pdl_features_finish(features, error);
    if (status == PDL_OK) status = pdl_matrix_open(&matrix, features, weights, 1, error);
    if (status == PDL_OK)
        status = pdl_statistics_share(features, &matrix, weights, weights, threads, &statistics, error);
    for (size_t j = 0; status == PDL_OK && j < features->columns; j++) {
        double deviation = statistics->deviation[j];
        mean[j] = statistics->mean[j];
        spread[j] = deviation * deviation * (total - squares / total);
    }
    pdl_statistics_unshare(features, statistics);
    pdl_matrix_close(&matrix);
    return status;
}
