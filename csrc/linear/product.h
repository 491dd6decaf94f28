/* Products of the scaled, centred feature matrix, without making it. SPDX-License-Identifier: Apache-2.0
 *
 * With z_ij = x_ij u_j - m_j (objective.h's symbols; m = 0 where nothing is centred):
 *
 *   margins   t[i][c] = sum_j z_ij b[c][j] + b0[c] = x_i . (u b_c) + (b0[c] - m . b_c)
 *   gradient  g[c][j] = sum_i z_ij r[i][c] = u_j (sum_i r_ic x_ij) - m_j (sum_i r_ic)
 *
 * A product runs by rows or by columns as an objective's pass does, chosen by the shape alone; sums are cut at fixed
 * places and added up in order, so that the threads do not matter. */
#ifndef PDL_LINEAR_PRODUCT_H
#define PDL_LINEAR_PRODUCT_H

#include "linear/matrix.h"

typedef struct pdl_product {
    const pdl_matrix *matrix;
    const double *factor; /* z^T itself, [columns, rows], in place of the matrix' features; NULL: those */
    const double *inverse_deviation, *scaled_mean; /* [columns]: u, m */
    size_t threads;                                /* > 0 */

    bool by_rows;
    size_t parts;       /* slots of row chunks by rows, groups of tiles by columns */
    double *packed;     /* u b: [tiles, tile size] by rows, [threads, tile size] by columns */
    double *gradients;  /* [parts, tiles, tile size] by rows, [threads, tile size] by columns */
    double *margins;    /* by columns: [parts, rows, stride] */
    double *tile_shift; /* [tiles, stride]: m . b of each tile */
    double *offset;     /* [stride]: b0 - m . b */
} pdl_product;

/* Makes the workspace; the fields above `by_rows` are set by the caller and borrowed. */
pdl_status pdl_product_prepare(pdl_product *product, pdl_error *error);
void pdl_product_release(pdl_product *product);

/* b: [sets, columns]; intercepts: [sets] or NULL for zeros; t: [rows, stride], its padding becomes 0. */
void pdl_product_margins(pdl_product *product, const double *b, const double *intercepts, double *t);

/* r: [rows, stride] with zeros as padding; g: [sets, columns]; sums: [sets], the sums of r; both times `scale`. */
void pdl_product_gradient(pdl_product *product, const double *r, double scale, double *g, double *sums);

#endif
