/* Inner loops over the features, one set a vector extension. SPDX-License-Identifier: Apache-2.0
 *
 * Features are float32; every product and sum is double. The classes' coefficients of one tile of columns come
 * in two layouts:
 *
 *     dense tile   b[set][column]            vectors run along the columns
 *     sparse tile  b[column][set, padded]    vectors run along the sets; the padding is zeros
 *
 * The order of the additions for one margin or one gradient element depends on the tile alone, never on how the
 * rows were cut into calls. */
#ifndef PDL_LINEAR_KERNELS_H
#define PDL_LINEAR_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The non-zeros of one tile of columns, row by row: row i's are start[i] <= k < start[i + 1]. */
typedef struct pdl_sparse_tile {
    const float *value;
    const uint16_t *index; /* column within the tile, increasing within a row */
    const uint32_t *start; /* [rows + 1] */
} pdl_sparse_tile;

typedef struct pdl_kernels {
    const char *name;
    size_t lanes; /* doubles in a vector: what sets are padded to */

    /* margins[i][c] += sum_j x[i][j] b[c][j]; x: [rows, width] with rows x_pitch apart, b: [sets, width] with
     * sets b_pitch apart, margins: [rows, sets] with rows `stride` apart. */
    void (*dense_margins)(const float *x, size_t x_pitch, size_t rows, size_t width, const double *b, size_t b_pitch,
                          size_t sets, double *margins, size_t stride);
    /* g[c][j] += sum_i x[i][j] r[i][c], shapes as above. */
    void (*dense_gradient)(const float *x, size_t x_pitch, size_t rows, size_t width, const double *r, size_t stride,
                           size_t sets, double *g, size_t g_pitch);
    /* margins[i - first][:] += sum_j x[i][j] b[j][:] for rows first <= i < last; b: [width, stride],
     * margins: [last - first, stride], stride a multiple of lanes. */
    void (*sparse_margins)(const pdl_sparse_tile *x, size_t first, size_t last, const double *b, size_t stride,
                           double *margins);
    /* g[j][:] += sum_i x[i][j] r[i - first][:] */
    void (*sparse_gradient)(const pdl_sparse_tile *x, size_t first, size_t last, const double *r, size_t stride,
                            double *g);
    /* One row of Welford's update over `width` columns: d = x - mean; mean += share d; spread += weight d (x - mean).
     * Returns the number of non-zeros; *finite becomes false when a value is NaN or infinite. */
    size_t (*survey_row)(const float *x, size_t width, double weight, double share, double *mean, double *spread,
                         bool *finite);
} pdl_kernels;

extern const pdl_kernels pdl_kernels_portable;
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define PDL_KERNELS_X86 1
extern const pdl_kernels pdl_kernels_avx2;
extern const pdl_kernels pdl_kernels_avx512;
#endif

/* The fastest set that this processor runs; PYDEEPL_KERNELS=portable|avx2|avx512 asks for a lesser one. */
const pdl_kernels *pdl_kernels_choose(void);

#endif
