/* What one fit reads: rows of a feature matrix, cut into tiles of columns. SPDX-License-Identifier: Apache-2.0
 *
 * Rows of weight 0 are left out: the fit numbers the others from 0, and runs say where they lie.
 *
 *   rows of the handle   0 1 2 3 4 5 6 | 7 8 9        | between parts
 *   weight               1 1 0 0 1 1 1 | 1 0 1
 *   rows of the fit      0 1     2 3 4 | 5   6        five runs: 0, 2, 5, 6 and the end
 *
 * A tile has as many columns as have their coefficients in a core's cache; of a sparse matrix, the handle's own. */
#ifndef PDL_LINEAR_MATRIX_H
#define PDL_LINEAR_MATRIX_H

#include "linear/features.h"
#include "linear/kernels.h"

/* Rows of the fit from `first` to the next run's first: rows of a part from `row`. */
typedef struct pdl_run {
    size_t first, part, row;
} pdl_run;

typedef struct pdl_matrix {
    const pdl_kernels *kernels;
    const pdl_part *part;   /* borrowed from the handle */
    const pdl_part *sparse; /* the same, or NULL while the matrix is dense */
    pdl_run *run;           /* [runs + 1]; the last is the end */
    size_t runs;
    size_t rows, columns;
    size_t sets, stride; /* coefficient sets; the same padded to whole vectors */
    size_t width, tiles; /* columns of a tile, a multiple of 64; number of tiles */
} pdl_matrix;

/* Borrows the features, finished, and leaves out rows of weight 0 (weights: [the handle's rows], or NULL). */
pdl_status pdl_matrix_open(pdl_matrix *matrix, const pdl_features *features, const double *weights, size_t sets,
                           pdl_error *error);
void pdl_matrix_close(pdl_matrix *matrix);

/* The values of row `row` of a dense matrix; *run is the number of rows, row itself included, that follow in one piece,
 * at most `wanted`. */
const float *pdl_matrix_run(const pdl_matrix *matrix, size_t row, size_t wanted, size_t *run);

/* The non-zeros of a sparse matrix' tile, in all rows. */
size_t pdl_matrix_tile_nonzeros(const pdl_matrix *matrix, size_t tile);

/* The run of a row, from which a walk over rows starts. */
size_t pdl_matrix_find_run(const pdl_matrix *matrix, size_t row);

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

/* The layout of that tile: a dense one keeps sets apart (one step = one column), a sparse one columns. */
static inline void pdl_matrix_tile_steps(const pdl_matrix *matrix, size_t *set_step, size_t *column_step)
{
    *set_step = matrix->sparse != NULL ? 1 : matrix->width;
    *column_step = matrix->sparse != NULL ? matrix->stride : 1;
}

/* The non-zeros of a part's tile. */
static inline pdl_sparse_tile pdl_part_tile_of(const pdl_part *part, size_t tile)
{
    return (pdl_sparse_tile){part->value, part->index, part->start + tile * part->rows};
}

/* margins[i - first][c] += the tile's share, for rows first <= i < last; margins: [last - first, stride]. */
void pdl_matrix_margins(const pdl_matrix *matrix, size_t tile, size_t first, size_t last, const double *b,
                        double *margins);
/* g += the transposed tile times r; r: [last - first, stride], g: a tile of coefficients. */
void pdl_matrix_gradient(const pdl_matrix *matrix, size_t tile, size_t first, size_t last, const double *r, double *g);

#endif
