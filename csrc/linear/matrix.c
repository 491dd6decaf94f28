/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/matrix.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"

#include <stdatomic.h>
#include <string.h>

/* Bytes of a tile's coefficients: with the gradient's tile, they leave room in an L2 cache of 1 MB. */
#define TILE_BYTES ((size_t)256 << 10)
#define MIN_WIDTH 64
#define MAX_WIDTH 4096 /* a column within a tile fits in 16 bits */

/* A non-zero costs about five times what an element of a dense row costs. */
#define SPARSE_DENSITY 0.2

static size_t tile_width(size_t stride)
{
    size_t width = MAX_WIDTH;
    while (width > MIN_WIDTH && width * stride * sizeof(double) > TILE_BYTES)
        width /= 2;
    return width;
}

pdl_status pdl_matrix_open(pdl_matrix *matrix, const pdl_block *blocks, size_t block_count, size_t columns, size_t sets,
                           pdl_error *error)
{
    const pdl_kernels *kernels = pdl_kernels_choose();
    *matrix = (pdl_matrix){.kernels = kernels, .blocks = blocks, .block_count = block_count};
    matrix->first_row = pdl_alloc(block_count + 1, sizeof *matrix->first_row);
    if (matrix->first_row == NULL) return pdl_fail_memory(error, (block_count + 1) * sizeof(size_t), "row numbers");
    for (size_t i = 0; i < block_count; i++) {
        matrix->first_row[i] = matrix->rows;
        matrix->rows += blocks[i].rows;
    }
    matrix->first_row[block_count] = matrix->rows;
    if (matrix->rows == 0 || columns == 0)
        return pdl_fail(error, PDL_ESHAPE, "features are [%zu, %zu]; expected at least one row and one column",
                        matrix->rows, columns);
    matrix->columns = columns;
    matrix->sets = sets;
    matrix->stride = (sets + kernels->lanes - 1) / kernels->lanes * kernels->lanes;
    matrix->width = tile_width(matrix->stride);
    matrix->tiles = (columns + matrix->width - 1) / matrix->width;
    return PDL_OK;
}

void pdl_matrix_close(pdl_matrix *matrix)
{
    for (size_t t = 0; matrix->sparse != NULL && t < matrix->tiles; t++) {
        pdl_free(matrix->sparse[t].value);
        pdl_free(matrix->sparse[t].index);
        pdl_free(matrix->sparse[t].start);
    }
    pdl_free(matrix->sparse);
    pdl_free(matrix->first_row);
    matrix->sparse = NULL;
    matrix->first_row = NULL;
}

const float *pdl_matrix_run(const pdl_matrix *matrix, size_t row, size_t wanted, size_t *run)
{
    size_t low = 0, high = matrix->block_count; /* the block with first_row[low] <= row < first_row[low + 1] */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (matrix->first_row[middle] <= row)
            low = middle;
        else
            high = middle;
    }
    size_t left = matrix->first_row[low + 1] - row;
    *run = left < wanted ? left : wanted;
    return matrix->blocks[low].x + (row - matrix->first_row[low]) * matrix->columns;
}

typedef struct compression {
    pdl_matrix *matrix;
    const uint8_t *live;
    const size_t *nonzeros;
    atomic_bool failed;
} compression;

static void compress_tile(void *context, size_t t, size_t worker)
{
    (void)worker;
    compression *work = context;
    pdl_matrix *matrix = work->matrix;
    pdl_sparse_tile *tile = &matrix->sparse[t];
    size_t width = pdl_matrix_tile_width(matrix, t), used = 0, run;
    const uint8_t *live = work->live + t * matrix->width;
    /* One element to spare: the loop below writes before it knows whether the element stays. */
    tile->value = pdl_alloc(work->nonzeros[t] + 1, sizeof *tile->value);
    tile->index = pdl_alloc(work->nonzeros[t] + 1, sizeof *tile->index);
    tile->start = pdl_alloc(matrix->rows + 1, sizeof *tile->start);
    if (tile->value == NULL || tile->index == NULL || tile->start == NULL) {
        atomic_store(&work->failed, true);
        return;
    }
    for (size_t row = 0; row < matrix->rows; row += run) {
        const float *x = pdl_matrix_run(matrix, row, matrix->rows - row, &run) + t * matrix->width;
        for (size_t i = 0; i < run; i++, x += matrix->columns) {
            tile->start[row + i] = used;
            for (size_t j = 0; j < width; j++) {
                tile->value[used] = x[j];
                tile->index[used] = (uint16_t)j;
                used += (size_t)((x[j] != 0) & live[j]);
            }
        }
    }
    tile->start[matrix->rows] = used;
}

pdl_status pdl_matrix_compress(pdl_matrix *matrix, const uint8_t *live, const size_t *nonzeros, size_t threads,
                               pdl_error *error)
{
    double total = 0;
    for (size_t t = 0; t < matrix->tiles; t++)
        total += (double)nonzeros[t];
    if (total > SPARSE_DENSITY * (double)matrix->rows * (double)matrix->columns) return PDL_OK;

    matrix->sparse = pdl_alloc_zero(matrix->tiles, sizeof *matrix->sparse);
    if (matrix->sparse == NULL) return pdl_fail_memory(error, matrix->tiles * sizeof *matrix->sparse, "sparse tiles");
    compression work = {.matrix = matrix, .live = live, .nonzeros = nonzeros};
    pdl_parallel_for(threads, matrix->tiles, compress_tile, &work);
    if (!work.failed) return PDL_OK;
    size_t size = (size_t)total * (sizeof(float) + sizeof(uint16_t));
    return pdl_fail_memory(error, size, "the non-zero features");
}

void pdl_matrix_margins(const pdl_matrix *matrix, size_t tile, size_t first, size_t last, const double *b,
                        double *margins)
{
    const pdl_kernels *kernels = matrix->kernels;
    if (matrix->sparse != NULL) {
        kernels->sparse_margins(&matrix->sparse[tile], first, last, b, matrix->stride, margins);
        return;
    }
    size_t width = pdl_matrix_tile_width(matrix, tile), run;
    for (size_t row = first; row < last; row += run) {
        const float *x = pdl_matrix_run(matrix, row, last - row, &run) + tile * matrix->width;
        kernels->dense_margins(x, matrix->columns, run, width, b, matrix->width, matrix->sets,
                               margins + (row - first) * matrix->stride, matrix->stride);
    }
}

void pdl_matrix_gradient(const pdl_matrix *matrix, size_t tile, size_t first, size_t last, const double *r, double *g)
{
    const pdl_kernels *kernels = matrix->kernels;
    if (matrix->sparse != NULL) {
        kernels->sparse_gradient(&matrix->sparse[tile], first, last, r, matrix->stride, g);
        return;
    }
    size_t width = pdl_matrix_tile_width(matrix, tile), run;
    for (size_t row = first; row < last; row += run) {
        const float *x = pdl_matrix_run(matrix, row, last - row, &run) + tile * matrix->width;
        kernels->dense_gradient(x, matrix->columns, run, width, r + (row - first) * matrix->stride, matrix->stride,
                                matrix->sets, g, matrix->width);
    }
}
