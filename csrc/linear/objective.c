/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/objective.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"
#include "linear/vector.h"

#include <string.h>

#define BY_ROWS_COEFFICIENTS 65536      /* packed coefficients and a gradient of 0.5 MB each */
#define CHUNK_BYTES ((size_t)512 << 10) /* features of a chunk of rows, to stay in the cache beside them */
#define MIN_CHUNK 8
#define MAX_CHUNK 1024
#define MAX_SLOTS 32
#define MAX_GROUPS 16
#define MIN_GROUPS 8 /* fewer tiles than that keep no threads busy */
#define RANGE_ROWS 256

static void plan(pdl_objective *objective)
{
    const pdl_matrix *matrix = objective->matrix;
    objective->by_rows = matrix->sets * matrix->columns <= BY_ROWS_COEFFICIENTS || matrix->tiles < MIN_GROUPS;
    if (objective->by_rows) {
        size_t chunk = CHUNK_BYTES / (matrix->columns * sizeof(float));
        chunk = chunk < MIN_CHUNK ? MIN_CHUNK : pdl_size_min(chunk, MAX_CHUNK);
        objective->part_rows = chunk / MIN_CHUNK * MIN_CHUNK;
        objective->parts = pdl_size_min(pdl_size_div_up(matrix->rows, objective->part_rows), MAX_SLOTS);
        objective->ranges = objective->parts;
    } else {
        objective->parts = pdl_size_min(matrix->tiles, MAX_GROUPS);
        objective->part_rows = RANGE_ROWS;
        objective->ranges = pdl_size_div_up(matrix->rows, RANGE_ROWS);
    }
}

pdl_status pdl_objective_prepare(pdl_objective *objective, pdl_error *error)
{
    const pdl_matrix *matrix = objective->matrix;
    plan(objective);
    bool by_rows = objective->by_rows;
    size_t tile = pdl_matrix_tile_size(matrix), threads = objective->threads, stride = matrix->stride;
    objective->packed = pdl_alloc_doubles(by_rows ? matrix->tiles : threads, tile, 1);
    objective->gradients = pdl_alloc_doubles(by_rows ? objective->parts * matrix->tiles : threads, tile, 1);
    objective->margins = by_rows ? pdl_alloc_doubles(threads, objective->part_rows, stride)
                                 : pdl_alloc_doubles(objective->parts, matrix->rows, stride);
    objective->tile_shift = pdl_alloc_doubles(matrix->tiles, stride, 1);
    objective->tile_square = pdl_alloc_doubles(matrix->tiles, 1, 1);
    objective->offset = pdl_alloc_doubles(stride, 1, 1);
    objective->range_loss = pdl_alloc_doubles(objective->ranges, 1, 1);
    objective->range_sums = pdl_alloc_doubles(objective->ranges, stride, 1);
    const double *const made[] = {objective->packed,     objective->gradients, objective->margins,
                                  objective->tile_shift, objective->offset,    objective->tile_square,
                                  objective->range_loss, objective->range_sums};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        if (made[i] == NULL) {
            pdl_objective_release(objective);
            return pdl_fail(error, PDL_ENOMEM, "out of memory: workspace for %zu rows, %zu features, %zu sets",
                            matrix->rows, matrix->columns, matrix->sets);
        }
    return PDL_OK;
}

void pdl_objective_release(pdl_objective *objective)
{
    double **const made[] = {&objective->packed,     &objective->gradients, &objective->margins,
                             &objective->tile_shift, &objective->offset,    &objective->tile_square,
                             &objective->range_loss, &objective->range_sums};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        pdl_free(*made[i]);
        *made[i] = NULL;
    }
}

/* ---- tiles: coefficients in, gradient out ------------------------------------------------------------ */

static double penalty_factor(const pdl_objective *objective, size_t column)
{
    double u = objective->inverse_deviation[column];
    return objective->standardization ? 1 : u * u;
}

/* packed = b u, with the tile's m . b and sum of q b^2 on the way. */
static void pack_tile(pdl_objective *objective, size_t tile, const double *b, double *packed)
{
    const pdl_matrix *matrix = objective->matrix;
    size_t first = tile * matrix->width, width = pdl_matrix_tile_width(matrix, tile), set_step, column_step;
    const double *restrict inverse = objective->inverse_deviation + first;
    pdl_matrix_tile_steps(matrix, &set_step, &column_step);
    if (matrix->sparse != NULL) memset(packed, 0, pdl_matrix_tile_size(matrix) * sizeof *packed); /* the padding */
    double square = 0;
    for (size_t c = 0; c < matrix->sets; c++) {
        const double *restrict row = b + c * matrix->columns + first;
        double *restrict out = packed + c * set_step;
        if (column_step == 1)
            for (size_t j = 0; j < width; j++)
                out[j] = row[j] * inverse[j];
        else
            for (size_t j = 0; j < width; j++)
                out[j * column_step] = row[j] * inverse[j];
        objective->tile_shift[tile * matrix->stride + c] = pdl_piece_dot(row, objective->scaled_mean + first, 0, width);
        for (size_t j = 0; j < width && objective->l2 != 0; j++)
            square += penalty_factor(objective, first + j) * row[j] * row[j];
    }
    objective->tile_square[tile] = square;
}

/* The tile's part of df/db from its sums g = sum_i r_i x_ij; sums: sum_i r_i. */
static void finish_tile(const pdl_objective *objective, size_t tile, const double *b, const double *g,
                        const double *sums, double *gradient)
{
    const pdl_matrix *matrix = objective->matrix;
    size_t first = tile * matrix->width, width = pdl_matrix_tile_width(matrix, tile), set_step, column_step;
    pdl_matrix_tile_steps(matrix, &set_step, &column_step);
    double scale = 1 / objective->total_weight;
    for (size_t c = 0; c < matrix->sets; c++) {
        const double *row = b + c * matrix->columns + first;
        double *out = gradient + c * matrix->columns + first;
        double shift = objective->centred ? sums[c] : 0;
        for (size_t j = 0; j < width; j++)
            out[j] = scale * (objective->inverse_deviation[first + j] * g[c * set_step + j * column_step] -
                              objective->scaled_mean[first + j] * shift);
        for (size_t j = 0; j < width && objective->l2 != 0; j++)
            out[j] += objective->l2 * penalty_factor(objective, first + j) * row[j];
    }
}

/* offset = b0 - m . b */
static void collect_offset(pdl_objective *objective, const double *b)
{
    const pdl_matrix *matrix = objective->matrix;
    for (size_t c = 0; c < matrix->stride; c++)
        objective->offset[c] = 0;
    for (size_t c = 0; c < matrix->sets; c++) {
        double shift = 0;
        for (size_t t = 0; t < matrix->tiles && objective->centred; t++)
            shift += objective->tile_shift[t * matrix->stride + c];
        objective->offset[c] = (objective->fit_intercept ? b[matrix->sets * matrix->columns + c] : 0) - shift;
    }
}

/* ---- a pass ------------------------------------------------------------------------------------------ */

typedef struct pass {
    pdl_objective *objective;
    const double *b;
    double *gradient;
} pass;

static void pack_for_rows(void *context, size_t tile, size_t worker)
{
    (void)worker;
    pass *work = context;
    pdl_objective *objective = work->objective;
    pack_tile(objective, tile, work->b, objective->packed + tile * pdl_matrix_tile_size(objective->matrix));
}

/* Copies the margins of rows first .. last - 1, without intercepts, to where they were asked for. */
static void show_margins(const pdl_objective *objective, const double *intercepts, size_t first, size_t last,
                         const double *margins)
{
    size_t sets = objective->matrix->sets, stride = objective->matrix->stride;
    for (size_t i = first; i < last; i++, margins += stride)
        for (size_t c = 0; c < stride; c++)
            objective->seen_margins[i * stride + c] =
                c < sets ? margins[c] + (objective->offset[c] - (intercepts != NULL ? intercepts[c] : 0)) : 0;
}

static double losses(const pass *work, size_t range, size_t first, size_t last, double *margins)
{
    pdl_objective *objective = work->objective;
    const pdl_matrix *matrix = objective->matrix;
    const double *intercepts = objective->fit_intercept ? work->b + matrix->sets * matrix->columns : NULL;
    if (objective->seen_margins != NULL) show_margins(objective, intercepts, first, last, margins);
    double loss = pdl_loss_rows(&objective->loss, first, last, objective->offset, margins,
                                objective->range_sums + range * matrix->stride);
    if (objective->seen_multipliers != NULL)
        memcpy(objective->seen_multipliers + first * matrix->stride, margins,
               (last - first) * matrix->stride * sizeof *margins);
    return loss;
}

/* By rows: the chunks of one slot, from margins to gradient. */
static void run_slot(void *context, size_t slot, size_t worker)
{
    pass *work = context;
    pdl_objective *objective = work->objective;
    const pdl_matrix *matrix = objective->matrix;
    size_t tile_size = pdl_matrix_tile_size(matrix), chunks = pdl_size_div_up(matrix->rows, objective->part_rows);
    size_t first_chunk = slot * chunks / objective->parts, last_chunk = (slot + 1) * chunks / objective->parts;
    double *g = objective->gradients + slot * matrix->tiles * tile_size;
    double *margins = objective->margins + worker * objective->part_rows * matrix->stride;
    memset(g, 0, matrix->tiles * tile_size * sizeof *g);
    memset(objective->range_sums + slot * matrix->stride, 0, matrix->stride * sizeof(double));
    double loss = 0;
    for (size_t chunk = first_chunk; chunk < last_chunk; chunk++) {
        size_t first = chunk * objective->part_rows, last = pdl_size_min(first + objective->part_rows, matrix->rows);
        memset(margins, 0, (last - first) * matrix->stride * sizeof *margins);
        for (size_t t = 0; t < matrix->tiles; t++)
            pdl_matrix_margins(matrix, t, first, last, objective->packed + t * tile_size, margins);
        loss += losses(work, slot, first, last, margins);
        for (size_t t = 0; t < matrix->tiles; t++)
            pdl_matrix_gradient(matrix, t, first, last, margins, g + t * tile_size);
    }
    objective->range_loss[slot] = loss;
}

/* Adds range 1, 2, ... to range 0. */
static void collect_sums(pdl_objective *objective)
{
    size_t stride = objective->matrix->stride;
    for (size_t range = 1; range < objective->ranges; range++) {
        objective->range_loss[0] += objective->range_loss[range];
        for (size_t c = 0; c < stride; c++)
            objective->range_sums[c] += objective->range_sums[range * stride + c];
    }
}

static void add_slots(void *context, size_t tile, size_t worker)
{
    (void)worker;
    pass *work = context;
    pdl_objective *objective = work->objective;
    const pdl_matrix *matrix = objective->matrix;
    size_t tile_size = pdl_matrix_tile_size(matrix), slot_size = matrix->tiles * tile_size;
    double *g = objective->gradients + tile * tile_size;
    for (size_t slot = 1; slot < objective->parts; slot++)
        for (size_t k = 0; k < tile_size; k++)
            g[k] += g[slot * slot_size + k];
    finish_tile(objective, tile, work->b, g, objective->range_sums, work->gradient);
}

/* By columns: one group of tiles gives its share of every row's margins. */
static void run_group(void *context, size_t group, size_t worker)
{
    pass *work = context;
    pdl_objective *objective = work->objective;
    const pdl_matrix *matrix = objective->matrix;
    double *packed = objective->packed + worker * pdl_matrix_tile_size(matrix);
    double *margins = objective->margins + group * matrix->rows * matrix->stride;
    memset(margins, 0, matrix->rows * matrix->stride * sizeof *margins);
    size_t last = (group + 1) * matrix->tiles / objective->parts;
    for (size_t t = group * matrix->tiles / objective->parts; t < last; t++) {
        pack_tile(objective, t, work->b, packed);
        pdl_matrix_margins(matrix, t, 0, matrix->rows, packed, margins);
    }
}

/* By columns: the whole margins of a range of rows, then their losses, in the first group's place. */
static void run_range(void *context, size_t range, size_t worker)
{
    (void)worker;
    pass *work = context;
    pdl_objective *objective = work->objective;
    const pdl_matrix *matrix = objective->matrix;
    size_t first = range * objective->part_rows, last = pdl_size_min(first + objective->part_rows, matrix->rows);
    size_t count = (last - first) * matrix->stride, group_size = matrix->rows * matrix->stride;
    double *margins = objective->margins + first * matrix->stride;
    for (size_t group = 1; group < objective->parts; group++)
        for (size_t k = 0; k < count; k++)
            margins[k] += margins[group * group_size + k];
    memset(objective->range_sums + range * matrix->stride, 0, matrix->stride * sizeof(double));
    objective->range_loss[range] = losses(work, range, first, last, margins);
}

static void run_tile(void *context, size_t tile, size_t worker)
{
    pass *work = context;
    pdl_objective *objective = work->objective;
    const pdl_matrix *matrix = objective->matrix;
    double *g = objective->gradients + worker * pdl_matrix_tile_size(matrix);
    memset(g, 0, pdl_matrix_tile_size(matrix) * sizeof *g);
    pdl_matrix_gradient(matrix, tile, 0, matrix->rows, objective->margins, g);
    finish_tile(objective, tile, work->b, g, objective->range_sums, work->gradient);
}

void pdl_objective_evaluate(pdl_objective *objective, const double *b, double *value, double *gradient)
{
    const pdl_matrix *matrix = objective->matrix;
    size_t threads = objective->threads;
    pass work = {.objective = objective, .b = b, .gradient = gradient};
    if (objective->by_rows) {
        pdl_parallel_for(threads, matrix->tiles, pack_for_rows, &work);
        collect_offset(objective, b);
        pdl_parallel_for(threads, objective->parts, run_slot, &work);
        collect_sums(objective);
        pdl_parallel_for(threads, matrix->tiles, add_slots, &work);
    } else {
        pdl_parallel_for(threads, objective->parts, run_group, &work);
        collect_offset(objective, b);
        pdl_parallel_for(threads, objective->ranges, run_range, &work);
        collect_sums(objective);
        pdl_parallel_for(threads, matrix->tiles, run_tile, &work);
    }
    double square = 0;
    for (size_t t = 0; t < matrix->tiles; t++)
        square += objective->tile_square[t];
    *value = objective->range_loss[0] / objective->total_weight + objective->l2 / 2 * square;
    for (size_t c = 0; c < matrix->sets && objective->fit_intercept; c++)
        gradient[matrix->sets * matrix->columns + c] = objective->range_sums[c] / objective->total_weight;
}

/* ---- combinations of samples ------------------------------------------------------------------------- */

typedef struct combination {
    const pdl_objective *objective;
    const double *a;
    const double *sums; /* [stride]: sum of a */
    double *tiles;      /* [threads, tile size] */
    double *out;
} combination;

static void combine_tile(void *context, size_t tile, size_t worker)
{
    combination *work = context;
    const pdl_matrix *matrix = work->objective->matrix;
    size_t size = pdl_matrix_tile_size(matrix), first = tile * matrix->width, set_step, column_step;
    double *g = work->tiles + worker * size;
    pdl_matrix_tile_steps(matrix, &set_step, &column_step);
    memset(g, 0, size * sizeof *g);
    pdl_matrix_gradient(matrix, tile, 0, matrix->rows, work->a, g);
    for (size_t c = 0; c < matrix->sets; c++)
        for (size_t j = 0; j < pdl_matrix_tile_width(matrix, tile); j++)
            work->out[c * matrix->columns + first + j] =
                work->objective->inverse_deviation[first + j] * g[c * set_step + j * column_step] -
                work->objective->scaled_mean[first + j] * work->sums[c];
}

void pdl_objective_sum_multipliers(pdl_objective *objective, const double *r)
{
    const pdl_matrix *matrix = objective->matrix;
    for (size_t c = 0; c < matrix->sets; c++) {
        objective->range_sums[c] = 0;
        for (size_t i = 0; i < matrix->rows; i++)
            objective->range_sums[c] += r[i * matrix->stride + c];
    }
}

pdl_status pdl_objective_combine(pdl_objective *objective, const double *a, double *out, pdl_error *error)
{
    const pdl_matrix *matrix = objective->matrix;
    combination work = {.objective = objective, .a = a, .sums = objective->range_sums, .out = out};
    work.tiles = pdl_alloc_doubles(objective->threads, pdl_matrix_tile_size(matrix), 1);
    if (work.tiles == NULL) return pdl_fail(error, PDL_ENOMEM, "out of memory: a tile of coefficients per thread");
    pdl_objective_sum_multipliers(objective, a);
    pdl_parallel_for(objective->threads, matrix->tiles, combine_tile, &work);
    pdl_free(work.tiles);
    return PDL_OK;
}
