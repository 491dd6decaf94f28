/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/working_set.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MIN_COLUMNS 256
#define GROWTH 2 /* columns of a set: so many times those with coefficients */

/* ---- choice ------------------------------------------------------------------------------------------ */

typedef struct candidate {
    double violation; /* infinite for a column with coefficients */
    uint32_t column;
} candidate;

static int worst_first(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->violation != y->violation) return x->violation > y->violation ? -1 : 1;
    return x->column < y->column ? -1 : 1;
}

static int by_column(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static double violation_of(const pdl_elastic *on, const double *point, const double *gradient, size_t column)
{
    size_t columns = on->product.matrix->columns;
    double largest = 0, absolute = pdl_elastic_absolute(on, column);
    for (size_t c = 0; c < on->loss.sets; c++) {
        if (point[c * columns + column] != 0) return INFINITY;
        largest = fmax(largest, fabs(gradient[c * columns + column]) - absolute);
    }
    return largest;
}

pdl_status pdl_working_set_choose(pdl_working_set *set, const pdl_elastic *whole, const double *point,
                                  const double *gradient, pdl_error *error)
{
    size_t columns = whole->product.matrix->columns, count = 0, active = 0;
    *set = (pdl_working_set){.whole = whole};
    candidate *all = pdl_alloc(columns, sizeof *all);
    if (all == NULL) return pdl_fail_memory(error, columns * sizeof *all, "a working set's candidates");
    for (size_t j = 0; j < columns; j++) {
        double violation = violation_of(whole, point, gradient, j);
        if (!(violation > 0)) continue;
        active += isinf(violation);
        all[count++] = (candidate){violation, (uint32_t)j};
    }
    qsort(all, count, sizeof *all, worst_first);
    size_t limit = GROWTH * active > MIN_COLUMNS ? GROWTH * active : MIN_COLUMNS;
    set->count = count < limit ? count : limit;
    set->column = pdl_alloc(set->count, sizeof *set->column);
    for (size_t k = 0; set->column != NULL && k < set->count; k++)
        set->column[k] = all[k].column;
    pdl_free(all);
    if (set->column == NULL) return pdl_fail_memory(error, set->count * sizeof *set->column, "a working set");
    qsort(set->column, set->count, sizeof *set->column, by_column);
    return PDL_OK;
}

/* ---- the small problem ------------------------------------------------------------------------------- */

typedef struct gathering {
    const pdl_working_set *set;
    const pdl_matrix *from;
} gathering;

/* One tile's chosen columns: column[first .. last - 1]. */
static void chosen_of_tile(const gathering *work, size_t tile, size_t *first, size_t *last)
{
    size_t begin = tile * work->from->width, end = begin + pdl_matrix_tile_width(work->from, tile);
    *first = 0;
    while (*first < work->set->count && work->set->column[*first] < begin)
        ++*first;
    *last = *first;
    while (*last < work->set->count && work->set->column[*last] < end)
        ++*last;
}

/* Of one row: the non-zeros of chosen columns. */
static void gather_nonzeros(const gathering *work, const pdl_sparse_tile *tile, size_t row, size_t offset, size_t first,
                            size_t last, float *out)
{
    const uint32_t *column = work->set->column;
    size_t place = first;
    for (size_t k = tile->start[row]; k < tile->start[row + 1] && place < last; k++) {
        size_t at = offset + tile->index[k];
        while (place < last && column[place] < at)
            place++;
        if (place < last && column[place] == at) out[place] = tile->value[k];
    }
}

static void gather_tile(void *context, size_t tile, size_t worker)
{
    (void)worker;
    const gathering *work = context;
    const pdl_matrix *from = work->from;
    size_t count = work->set->count, first, last;
    chosen_of_tile(work, tile, &first, &last);
    for (size_t r = 0; first < last && r < from->runs; r++) {
        const pdl_run *run = &from->run[r];
        const pdl_part *part = &from->part[run->part];
        size_t rows = run[1].first - run->first;
        pdl_sparse_tile nonzeros = {0};
        if (from->sparse != NULL) nonzeros = pdl_part_tile_of(part, tile);
        for (size_t i = 0; i < rows; i++) {
            float *out = work->set->x + (run->first + i) * count;
            const float *row = from->sparse == NULL ? part->x + (run->row + i) * from->columns : NULL;
            if (row == NULL) gather_nonzeros(work, &nonzeros, run->row + i, tile * from->width, first, last, out);
            for (size_t k = first; row != NULL && k < last; k++)
                out[k] = row[work->set->column[k]];
        }
    }
}

static pdl_status gather_features(pdl_working_set *set, pdl_error *error)
{
    const pdl_matrix *from = set->whole->product.matrix;
    size_t cells, threads = set->whole->product.threads;
    int borrowed;
    if (pdl_size_mul(from->rows, set->count, &cells)) set->x = pdl_alloc_zero(cells, sizeof(float));
    if (set->x == NULL) return pdl_fail_memory(error, cells * sizeof(float), "a working set's features");
    gathering work = {.set = set, .from = from};
    pdl_parallel_for(threads, from->tiles, gather_tile, &work);
    pdl_status status = pdl_features_create(set->count, threads, &set->features, error);
    if (status == PDL_OK) status = pdl_features_append(set->features, set->x, from->rows, &borrowed, error);
    if (status == PDL_OK) status = pdl_features_finish(set->features, error);
    if (status == PDL_OK) status = pdl_matrix_open(&set->matrix, set->features, NULL, from->sets, error);
    return status;
}

pdl_status pdl_working_set_open(pdl_working_set *set, const double *point, pdl_error *error)
{
    const pdl_elastic *whole = set->whole;
    size_t count = set->count, sets = whole->loss.sets, columns = whole->product.matrix->columns;
    pdl_status status = gather_features(set, error);
    if (status != PDL_OK) return status;
    set->scales = pdl_alloc(3 * count, sizeof(double));
    set->point = pdl_alloc(sets * (count + 1), sizeof(double));
    if (set->scales == NULL || set->point == NULL)
        return pdl_fail_memory(error, (sets + 3) * count * sizeof(double), "a working set's coefficients");
    for (size_t k = 0; k < count; k++) {
        size_t j = set->column[k];
        set->scales[k] = whole->product.inverse_deviation[j];
        set->scales[count + k] = whole->product.scaled_mean[j];
        set->scales[2 * count + k] = whole->moment[j];
        for (size_t c = 0; c < sets; c++)
            set->point[c * count + k] = point[c * columns + j];
    }
    if (whole->fit_intercept) memcpy(set->point + sets * count, point + sets * columns, sets * sizeof(double));
    set->problem = *whole;
    set->problem.product = (pdl_product){.matrix = &set->matrix,
                                         .inverse_deviation = set->scales,
                                         .scaled_mean = set->scales + count,
                                         .threads = whole->product.threads};
    set->problem.moment = set->scales + 2 * count;
    set->problem.row_sums = NULL;
    return pdl_elastic_prepare(&set->problem, error);
}

void pdl_working_set_scatter(const pdl_working_set *set, double *point)
{
    const pdl_elastic *whole = set->whole;
    size_t count = set->count, sets = whole->loss.sets, columns = whole->product.matrix->columns;
    for (size_t c = 0; c < sets; c++)
        for (size_t k = 0; k < count; k++)
            point[c * columns + set->column[k]] = set->point[c * count + k];
    if (whole->fit_intercept) memcpy(point + sets * columns, set->point + sets * count, sets * sizeof(double));
}

void pdl_working_set_close(pdl_working_set *set)
{
    pdl_elastic_release(&set->problem);
    pdl_matrix_close(&set->matrix);
    pdl_features_destroy(set->features);
    pdl_free(set->column);
    pdl_free(set->point);
    pdl_free(set->x);
    pdl_free(set->scales);
    *set = (pdl_working_set){0};
}
