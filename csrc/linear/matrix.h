/* The feature matrix: borrowed rows of float32, cut into tiles of columns. SPDX-License-Identifier: Apache-2.0
 *
 *              tile 0      tile 1      tile 2
 *            ┌──────────┬───────────┬─────┐
 *   block 0  │          │           │     │     blocks: runs of rows as they arrived, never copied
 *            ├──────────┼───────────┼─────┤     tiles: as many columns as have their coefficients in a
 *   block 1  │          │           │     │            core's cache; the last may be narrower
 *            └──────────┴───────────┴─────┘
 *
 * Where few values are not zero (after a ReLU, some 6 %), the non-zeros of each tile are copied once, row by row,
 * and every pass reads those alone. */
#ifndef PDL_LINEAR_MATRIX_H
#define PDL_LINEAR_MATRIX_H

#include "linear/kernels.h"
#include "pydeepl.h"

typedef struct pdl_matrix {
    const pdl_kernels *kernels;
    const pdl_block *blocks; /* borrowed */
    size_t block_count;
    size_t *first_row; /* [block_count + 1] */
    size_t rows, columns;
    size_t sets, stride;     /* coefficient sets; the same padded to whole vectors */
    size_t width, tiles;     /* columns of a tile, a multiple of 64; number of tiles */
    pdl_sparse_tile *sparse; /* [tiles], or NULL while the matrix is dense */
} pdl_matrix;

/* Borrows the blocks. PDL_ESHAPE without rows or columns. */
pdl_status pdl_matrix_open(pdl_matrix *matrix, const pdl_block *blocks, size_t block_count, size_t columns, size_t sets,
                           pdl_error *error);
void pdl_matrix_close(pdl_matrix *matrix);

/* Copies the non-zeros of the columns with a live[column] other than 0 when that pays. nonzeros: [tiles], a bound. */
pdl_status pdl_matrix_compress(pdl_matrix *matrix, const uint8_t *live, const size_t *nonzeros, size_t threads,
                               pdl_error *error);

/* The values of row `row`; *run is the number of rows, row itself included, that follow in one piece, at most
 * `wanted`. */
const float *pdl_matrix_run(const pdl_matrix *matrix, size_t row, size_t wanted, size_t *run);

/* Columns of a tile. */
static inline size_t pdl_matrix_tile_width(const pdl_matrix *matrix, size_t tile)
{
    size_t left = matrix->columns - tile * matrix->width;
    return left < matrix->width ? left : matrix->width;
}

/* Doubles that one tile of coefficients takes, in either of kernels.h's layouts (dense b_pitch = width). */
static inline size_t pdl_matrix_tile_size(const pdl_matrix *matrix)
{
    return matrix->width * matrix->stride;
}

/* margins[i - first][c] += the tile's share, for rows first <= i < last; margins: [last - first, stride]. */
void pdl_matrix_margins(const pdl_matrix *matrix, size_t tile, size_t first, size_t last, const double *b,
                        double *margins);
/* g += the transposed tile times r; r: [last - first, stride], g: a tile of coefficients. */
void pdl_matrix_gradient(const pdl_matrix *matrix, size_t tile, size_t first, size_t last, const double *r, double *g);

#endif
