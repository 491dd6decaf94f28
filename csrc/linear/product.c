/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/product.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"
#include "linear/vector.h"

#include <string.h>

#define BY_ROWS_COEFFICIENTS 65536 /* packed coefficients of 0.5 MB */
#define MIN_TILES 8                /* fewer than that keep no threads busy */
#define CHUNK_ROWS 128
#define MAX_SLOTS 32
#define MAX_GROUPS 16
#define FACTOR_ROWS 64
#define FACTOR_SETS 16

pdl_status pdl_product_prepare(pdl_product *product, pdl_error *error)
{
    const pdl_matrix *matrix = product->matrix;
    if (product->factor != NULL) return PDL_OK;
    size_t tile = pdl_matrix_tile_size(matrix), threads = product->threads;
    bool by_rows = matrix->sets * matrix->columns <= BY_ROWS_COEFFICIENTS || matrix->tiles < MIN_TILES;
    product->by_rows = by_rows;
    product->parts = by_rows ? pdl_size_min(pdl_size_div_up(matrix->rows, CHUNK_ROWS), MAX_SLOTS)
                             : pdl_size_min(matrix->tiles, MAX_GROUPS);
    product->packed = pdl_alloc_doubles(by_rows ? matrix->tiles : threads, tile, 1);
    product->gradients = pdl_alloc_doubles(by_rows ? product->parts * matrix->tiles : threads, tile, 1);
    product->margins = by_rows ? NULL : pdl_alloc_doubles(product->parts, matrix->rows, matrix->stride);
    product->tile_shift = pdl_alloc_doubles(matrix->tiles, matrix->stride, 1);
    product->offset = pdl_alloc_doubles(matrix->stride, 1, 1);
    if (product->packed != NULL && product->gradients != NULL && (by_rows || product->margins != NULL) &&
        product->tile_shift != NULL && product->offset != NULL)
        return PDL_OK;
    pdl_product_release(product);
    return pdl_fail(error, PDL_ENOMEM, "out of memory: workspace for %zu rows, %zu features, %zu sets", matrix->rows,
                    matrix->columns, matrix->sets);
}

void pdl_product_release(pdl_product *product)
{
    double **const made[] = {&product->packed, &product->gradients, &product->margins, &product->tile_shift,
                             &product->offset};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        pdl_free(*made[i]);
        *made[i] = NULL;
    }
}

typedef struct pass {
    pdl_product *product;
    const double *b, *intercepts; /* margins */
    double *t;
    const double *r; /* gradient */
    const double *sums;
    double scale;
    double *g;
} pass;

/* ---- a factor in place of the features ---------------------------------------------------------------- */

/* Adds a few sets' margins of a chunk of rows. */
static void add_factor_margins(const pass *work, size_t first, size_t last, size_t c, size_t count)
{
    const pdl_matrix *matrix = work->product->matrix;
    for (size_t k = 0; k < matrix->columns; k++) {
        const double *column = work->product->factor + k * matrix->rows;
        double b[FACTOR_SETS] = {0};
        for (size_t s = 0; s < count; s++)
            b[s] = work->b[(c + s) * matrix->columns + k];
        for (size_t i = first; i < last; i++)
            for (size_t s = 0; s < count; s++)
                work->t[i * matrix->stride + c + s] += column[i] * b[s];
    }
}

static void factor_margins_of_chunk(void *context, size_t chunk, size_t worker)
{
    (void)worker;
    pass *work = context;
    const pdl_matrix *matrix = work->product->matrix;
    size_t first = chunk * FACTOR_ROWS, last = pdl_size_min(first + FACTOR_ROWS, matrix->rows);
    for (size_t i = first; i < last; i++)
        for (size_t c = 0; c < matrix->stride; c++)
            work->t[i * matrix->stride + c] = c < matrix->sets && work->intercepts != NULL ? work->intercepts[c] : 0;
    for (size_t c = 0; c < matrix->sets; c += FACTOR_SETS)
        add_factor_margins(work, first, last, c, pdl_size_min(FACTOR_SETS, matrix->sets - c));
}

static void factor_gradient_of_column(void *context, size_t k, size_t worker)
{
    (void)worker;
    pass *work = context;
    const pdl_matrix *matrix = work->product->matrix;
    const double *column = work->product->factor + k * matrix->rows;
    for (size_t c = 0; c < matrix->sets; c += FACTOR_SETS) {
        size_t count = pdl_size_min(FACTOR_SETS, matrix->sets - c);
        double g[FACTOR_SETS] = {0};
        for (size_t i = 0; i < matrix->rows; i++)
            for (size_t s = 0; s < count; s++)
                g[s] += column[i] * work->r[i * matrix->stride + c + s];
        for (size_t s = 0; s < count; s++)
            work->g[(c + s) * matrix->columns + k] = work->scale * g[s];
    }
}

/* ---- margins ----------------------------------------------------------------------------------------- */

/* packed = b u, and the tile's m . b on the way. */
static void pack_tile(pdl_product *product, size_t tile, const double *b, double *packed)
{
    const pdl_matrix *matrix = product->matrix;
    size_t first = tile * matrix->width, width = pdl_matrix_tile_width(matrix, tile), set_step, column_step;
    const double *inverse = product->inverse_deviation + first;
    pdl_matrix_tile_steps(matrix, &set_step, &column_step);
    if (matrix->sparse != NULL) memset(packed, 0, pdl_matrix_tile_size(matrix) * sizeof *packed); /* the padding */
    for (size_t c = 0; c < matrix->sets; c++) {
        const double *row = b + c * matrix->columns + first;
        for (size_t j = 0; j < width; j++)
            packed[c * set_step + j * column_step] = row[j] * inverse[j];
        product->tile_shift[tile * matrix->stride + c] = pdl_piece_dot(row, product->scaled_mean + first, 0, width);
    }
}

static void collect_offset(pdl_product *product, const double *intercepts)
{
    const pdl_matrix *matrix = product->matrix;
    for (size_t c = 0; c < matrix->stride; c++)
        product->offset[c] = 0;
    for (size_t c = 0; c < matrix->sets; c++) {
        double shift = 0;
        for (size_t t = 0; t < matrix->tiles; t++)
            shift += product->tile_shift[t * matrix->stride + c];
        product->offset[c] = (intercepts != NULL ? intercepts[c] : 0) - shift;
    }
}

static void pack_for_rows(void *context, size_t tile, size_t worker)
{
    (void)worker;
    pass *work = context;
    pack_tile(work->product, tile, work->b, work->product->packed + tile * pdl_matrix_tile_size(work->product->matrix));
}

/* By rows: a chunk's margins, whole. */
static void margins_of_chunk(void *context, size_t chunk, size_t worker)
{
    (void)worker;
    pass *work = context;
    const pdl_product *product = work->product;
    const pdl_matrix *matrix = product->matrix;
    size_t first = chunk * CHUNK_ROWS, last = pdl_size_min(first + CHUNK_ROWS, matrix->rows), stride = matrix->stride;
    double *t = work->t + first * stride;
    for (size_t i = 0; i < last - first; i++)
        memcpy(t + i * stride, product->offset, stride * sizeof *t);
    for (size_t tile = 0; tile < matrix->tiles; tile++)
        pdl_matrix_margins(matrix, tile, first, last, product->packed + tile * pdl_matrix_tile_size(matrix), t);
}

/* By columns: one group of tiles gives its share of every row's margins. */
static void margins_of_group(void *context, size_t group, size_t worker)
{
    pass *work = context;
    pdl_product *product = work->product;
    const pdl_matrix *matrix = product->matrix;
    double *packed = product->packed + worker * pdl_matrix_tile_size(matrix);
    double *margins = product->margins + group * matrix->rows * matrix->stride;
    memset(margins, 0, matrix->rows * matrix->stride * sizeof *margins);
    size_t last = (group + 1) * matrix->tiles / product->parts;
    for (size_t tile = group * matrix->tiles / product->parts; tile < last; tile++) {
        pack_tile(product, tile, work->b, packed);
        pdl_matrix_margins(matrix, tile, 0, matrix->rows, packed, margins);
    }
}

static void collect_groups(void *context, size_t chunk, size_t worker)
{
    (void)worker;
    pass *work = context;
    const pdl_product *product = work->product;
    const pdl_matrix *matrix = product->matrix;
    size_t first = chunk * CHUNK_ROWS, last = pdl_size_min(first + CHUNK_ROWS, matrix->rows), stride = matrix->stride;
    for (size_t i = first; i < last; i++) {
        double *t = work->t + i * stride;
        memcpy(t, product->offset, stride * sizeof *t);
        for (size_t group = 0; group < product->parts; group++)
            for (size_t c = 0; c < stride; c++)
                t[c] += product->margins[(group * matrix->rows + i) * stride + c];
    }
}

void pdl_product_margins(pdl_product *product, const double *b, const double *intercepts, double *t)
{
    const pdl_matrix *matrix = product->matrix;
    pass work = {.product = product, .b = b, .intercepts = intercepts, .t = t};
    size_t chunks = pdl_size_div_up(matrix->rows, CHUNK_ROWS);
    if (product->factor != NULL) {
        pdl_parallel_for(product->threads, pdl_size_div_up(matrix->rows, FACTOR_ROWS), factor_margins_of_chunk, &work);
    } else if (product->by_rows) {
        pdl_parallel_for(product->threads, matrix->tiles, pack_for_rows, &work);
        collect_offset(product, intercepts);
        pdl_parallel_for(product->threads, chunks, margins_of_chunk, &work);
    } else {
        pdl_parallel_for(product->threads, product->parts, margins_of_group, &work);
        collect_offset(product, intercepts);
        pdl_parallel_for(product->threads, chunks, collect_groups, &work);
    }
}

/* ---- gradient ---------------------------------------------------------------------------------------- */

/* The tile's part of the gradient from its sums of r_i x_ij. */
static void finish_tile(const pass *work, size_t tile, const double *tile_sums)
{
    const pdl_matrix *matrix = work->product->matrix;
    size_t first = tile * matrix->width, width = pdl_matrix_tile_width(matrix, tile), set_step, column_step;
    const double *inverse = work->product->inverse_deviation + first, *mean = work->product->scaled_mean + first;
    pdl_matrix_tile_steps(matrix, &set_step, &column_step);
    for (size_t c = 0; c < matrix->sets; c++) {
        double *out = work->g + c * matrix->columns + first;
        for (size_t j = 0; j < width; j++)
            out[j] = work->scale * inverse[j] * tile_sums[c * set_step + j * column_step] - mean[j] * work->sums[c];
    }
}

static void gradient_of_slot(void *context, size_t slot, size_t worker)
{
    (void)worker;
    pass *work = context;
    const pdl_matrix *matrix = work->product->matrix;
    size_t tile_size = pdl_matrix_tile_size(matrix), chunks = pdl_size_div_up(matrix->rows, CHUNK_ROWS);
    size_t first_chunk = slot * chunks / work->product->parts, last_chunk = (slot + 1) * chunks / work->product->parts;
    double *g = work->product->gradients + slot * matrix->tiles * tile_size;
    memset(g, 0, matrix->tiles * tile_size * sizeof *g);
    for (size_t chunk = first_chunk; chunk < last_chunk; chunk++) {
        size_t first = chunk * CHUNK_ROWS, last = pdl_size_min(first + CHUNK_ROWS, matrix->rows);
        for (size_t tile = 0; tile < matrix->tiles; tile++)
            pdl_matrix_gradient(matrix, tile, first, last, work->r + first * matrix->stride, g + tile * tile_size);
    }
}

static void add_slots(void *context, size_t tile, size_t worker)
{
    (void)worker;
    pass *work = context;
    const pdl_matrix *matrix = work->product->matrix;
    size_t tile_size = pdl_matrix_tile_size(matrix), slot_size = matrix->tiles * tile_size;
    double *g = work->product->gradients + tile * tile_size;
    for (size_t slot = 1; slot < work->product->parts; slot++)
        for (size_t k = 0; k < tile_size; k++)
            g[k] += g[slot * slot_size + k];
    finish_tile(work, tile, g);
}

static void gradient_of_tile(void *context, size_t tile, size_t worker)
{
    pass *work = context;
    const pdl_matrix *matrix = work->product->matrix;
    size_t tile_size = pdl_matrix_tile_size(matrix);
    double *g = work->product->gradients + worker * tile_size;
    memset(g, 0, tile_size * sizeof *g);
    pdl_matrix_gradient(matrix, tile, 0, matrix->rows, work->r, g);
    finish_tile(work, tile, g);
}

void pdl_product_gradient(pdl_product *product, const double *r, double scale, double *g, double *sums)
{
    const pdl_matrix *matrix = product->matrix;
    pass work = {.product = product, .r = r, .scale = scale, .g = g, .sums = sums};
    for (size_t c = 0; c < matrix->sets; c++)
        sums[c] = 0;
    for (size_t i = 0; i < matrix->rows; i++)
        for (size_t c = 0; c < matrix->sets; c++)
            sums[c] += r[i * matrix->stride + c];
    for (size_t c = 0; c < matrix->sets; c++)
        sums[c] *= scale;
    if (product->factor != NULL) {
        pdl_parallel_for(product->threads, matrix->columns, factor_gradient_of_column, &work);
    } else if (product->by_rows) {
        pdl_parallel_for(product->threads, product->parts, gradient_of_slot, &work);
        pdl_parallel_for(product->threads, matrix->tiles, add_slots, &work);
    } else {
        pdl_parallel_for(product->threads, matrix->tiles, gradient_of_tile, &work);
    }
}
