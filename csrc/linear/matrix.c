/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/matrix.h"

#include "base/memory.h"
#include "base/status.h"

#include <string.h>

/* Bytes of a dense tile's coefficients: with the gradient's tile, they leave room in an L2 cache of 1 MB. */
#define TILE_BYTES ((size_t)256 << 10)
#define MIN_WIDTH ((size_t)64)
#define MAX_WIDTH ((size_t)4096)
#define PANEL 8 /* rows that the dense kernels take at once */

static size_t dense_width(size_t stride)
{
    size_t width = MAX_WIDTH;
    while (width > MIN_WIDTH && width * stride * sizeof(double) > TILE_BYTES)
        width /= 2;
    return width;
}

static bool is_used(const double *weights, size_t row)
{
    return weights == NULL || weights[row] != 0;
}

/* Writes the runs where `run` is given; returns how many there are, and in *rows the rows in them. */
static size_t list_runs(const pdl_features *features, const double *weights, pdl_run *run, size_t *rows)
{
    size_t runs = 0, used = 0, row = 0;
    for (size_t p = 0; p < features->parts; p++) {
        bool within = false;
        for (size_t i = 0; i < features->part[p].rows; i++, row++) {
            bool wanted = is_used(weights, row);
            if (wanted && !within) {
                if (run != NULL) run[runs] = (pdl_run){used, p, i};
                runs++;
            }
            within = wanted;
            used += wanted;
        }
    }
    if (run != NULL) run[runs] = (pdl_run){used, features->parts, 0};
    *rows = used;
    return runs;
}

pdl_status pdl_matrix_open(pdl_matrix *matrix, const pdl_features *features, const double *weights, size_t sets,
                           pdl_error *error)
{
    const pdl_kernels *kernels = pdl_kernels_choose();
    *matrix = (pdl_matrix){.kernels = kernels, .part = features->part, .columns = features->columns, .sets = sets};
    matrix->runs = list_runs(features, weights, NULL, &matrix->rows);
    matrix->run = pdl_alloc(matrix->runs + 1, sizeof *matrix->run);
    if (matrix->run == NULL) return pdl_fail_memory(error, (matrix->runs + 1) * sizeof(pdl_run), "runs of rows");
    list_runs(features, weights, matrix->run, &matrix->rows);
    matrix->stride = (sets + kernels->lanes - 1) / kernels->lanes * kernels->lanes;
    matrix->sparse = features->sparse ? features->part : NULL;
    matrix->width = features->sparse ? features->width : dense_width(matrix->stride);
    matrix->tiles = (matrix->columns + matrix->width - 1) / matrix->width;
    return PDL_OK;
}

void pdl_matrix_close(pdl_matrix *matrix)
{
    pdl_free(matrix->run);
    matrix->run = NULL;
}

size_t pdl_matrix_find_run(const pdl_matrix *matrix, size_t row)
{
    size_t low = 0, high = matrix->runs; /* run[low].first <= row < run[high].first */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (matrix->run[middle].first <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

const float *pdl_matrix_run(const pdl_matrix *matrix, size_t row, size_t wanted, size_t *run)
{
    const pdl_run *at = &matrix->run[pdl_matrix_find_run(matrix, row)];
    *run = pdl_size_min(at[1].first - row, wanted);
    return matrix->part[at->part].x + (at->row + (row - at->first)) * matrix->columns;
}

size_t pdl_matrix_tile_nonzeros(const pdl_matrix *matrix, size_t tile)
{
    size_t nonzeros = 0;
    for (const pdl_run *run = matrix->run; run < matrix->run + matrix->runs; run++) {
        pdl_sparse_tile x = pdl_part_tile_of(&matrix->part[run->part], tile);
        nonzeros += x.start[run->row + (run[1].first - run->first)] - x.start[run->row];
    }
    return nonzeros;
}

/* ---- sparse ------------------------------------------------------------------------------------------ */

static void sparse_margins(const pdl_matrix *matrix, size_t tile, size_t first, size_t last, const double *b,
                           double *margins)
{
    size_t run = pdl_matrix_find_run(matrix, first);
    for (size_t row = first; row < last; run++) {
        const pdl_run *at = &matrix->run[run];
        pdl_sparse_tile x = pdl_part_tile_of(&matrix->part[at->part], tile);
        size_t from = at->row + (row - at->first), end = pdl_size_min(at[1].first, last);
        matrix->kernels->sparse_margins(&x, from, from + (end - row), b, matrix->stride,
                                        margins + (row - first) * matrix->stride);
        row = end;
    }
}

static void sparse_gradient(const pdl_matrix *matrix, size_t tile, size_t first, size_t last, const double *r,
                            double *g)
{
    size_t run = pdl_matrix_find_run(matrix, first);
    for (size_t row = first; row < last; run++) {
        const pdl_run *at = &matrix->run[run];
        pdl_sparse_tile x = pdl_part_tile_of(&matrix->part[at->part], tile);
        size_t from = at->row + (row - at->first), end = pdl_size_min(at[1].first, last);
        matrix->kernels->sparse_gradient(&x, from, from + (end - row), r + (row - first) * matrix->stride,
                                         matrix->stride, g);
        row = end;
    }
}

/* ---- dense ------------------------------------------------------------------------------------------- */

/* A walk over a dense tile's rows in pieces that the kernels take: whole panels where they lie, and scattered rows
 * gathered, because a row alone costs a kernel several times what it costs in a panel. */
typedef struct walk {
    const pdl_matrix *matrix;
    size_t tile, width, row, last, run;
    const float *x; /* the piece: `rows` rows, `pitch` apart */
    size_t rows, pitch;
    float *gathered; /* [PANEL, width] */
} walk;

static walk start_walk(const pdl_matrix *matrix, size_t tile, size_t first, size_t last, float *gathered)
{
    return (walk){.matrix = matrix,
                  .tile = tile,
                  .width = pdl_matrix_tile_width(matrix, tile),
                  .row = first,
                  .last = last,
                  .run = pdl_matrix_find_run(matrix, first),
                  .gathered = gathered};
}

static const float *row_of(const walk *at, const pdl_run *run, size_t row)
{
    const pdl_matrix *matrix = at->matrix;
    size_t place = run->row + (row - run->first);
    return matrix->part[run->part].x + place * matrix->columns + at->tile * matrix->width;
}

/* Sets the next piece; false at the end. */
static bool next_piece(walk *at)
{
    const pdl_run *run = at->matrix->run + at->run;
    size_t left = at->last - at->row, here = pdl_size_min(run[1].first, at->last) - at->row;
    if (left == 0) return false;
    if (here == left || here >= PANEL) {
        at->x = row_of(at, run, at->row);
        at->pitch = at->matrix->columns;
        at->rows = here == left ? here : here - here % PANEL;
    } else {
        size_t wanted = pdl_size_min(left, PANEL), r = 0;
        for (size_t i = 0; i < wanted; i++) {
            while (at->row + i >= run[r + 1].first)
                r++;
            memcpy(at->gathered + i * at->width, row_of(at, run + r, at->row + i), at->width * sizeof(float));
        }
        at->x = at->gathered;
        at->pitch = at->width;
        at->rows = wanted;
    }
    at->row += at->rows;
    while (at->matrix->run[at->run + 1].first <= at->row && at->row < at->last)
        at->run++;
    return true;
}

void pdl_matrix_margins(const pdl_matrix *matrix, size_t tile, size_t first, size_t last, const double *b,
                        double *margins)
{
    if (matrix->sparse != NULL) {
        sparse_margins(matrix, tile, first, last, b, margins);
        return;
    }
    float gathered[PANEL * MAX_WIDTH];
    for (walk at = start_walk(matrix, tile, first, last, gathered); next_piece(&at);)
        matrix->kernels->dense_margins(at.x, at.pitch, at.rows, at.width, b, matrix->width, matrix->sets,
                                       margins + (at.row - at.rows - first) * matrix->stride, matrix->stride);
}

void pdl_matrix_gradient(const pdl_matrix *matrix, size_t tile, size_t first, size_t last, const double *r, double *g)
{
    if (matrix->sparse != NULL) {
        sparse_gradient(matrix, tile, first, last, r, g);
        return;
    }
    float gathered[PANEL * MAX_WIDTH];
    for (walk at = start_walk(matrix, tile, first, last, gathered); next_piece(&at);)
        matrix->kernels->dense_gradient(at.x, at.pitch, at.rows, at.width,
                                        r + (at.row - at.rows - first) * matrix->stride, matrix->stride, matrix->sets,
                                        g, matrix->width);
}
