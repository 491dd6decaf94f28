/* What Winograd's rounding does to a convolution's output, estimated from its weights.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rounding changes each of a tile's products v_p u_p by a relative 2^-24 or so, and the output by that times A's
 * coefficients. For inputs without correlation of a mean square of 1, v_p = (B^T d)_p has the mean square b_p^2, b_p^2
 * being the sum of squares of B^T's row p; with a_p^2 the mean square of A^T's column p over the outputs, the relative
 * error's square is in proportion to
 *
 *     sum over p of a_p^2 b_p^2 u_p^2  /  sum over k of g_k^2   =   tr(M S) / tr(S)
 *
 *     M = G^T diag(a^2 b^2) G   of the tile        S = sum over channels and outputs of g g^T   of the weights
 *
 * so that a filter's shape matters and its size does not. Sums over C channels make it grow as sqrt(C). Measured
 * against float64 on random inputs, for every tile and filters from the mildest to the worst, the estimate is within a
 * third of the error; it is above it for inputs of one sign.
 *
 * In bfloat16, v and u are what is rounded, by 2^-9 or so whatever C is. Errors are such that where a map is the same
 * all over, as a white background is, they count most: there a filter for edges sums to next to nothing, and a tile
 * without the point 1 has products of all its points to cancel. For constant inputs v_p^2 = (sum of B^T's row p)^2, and
 * the mean square of the output is in proportion to the sum of all of S. */
#ifndef PDL_NET_WINOGRAD_ERROR_H
#define PDL_NET_WINOGRAD_ERROR_H

#include "net/winograd/winograd.h"

/* Has S of the operation's weights, [taps, taps], in op->tap_products, which it frees with itself. */
pdl_status pdl_tap_products_make(pdl_op *op, size_t channels, size_t outputs, pdl_error *error);

/* The relative L2 error of the operation's output with this tile; INFINITY where its arithmetic would leave the range
 * of float32, or without tap_products. */
double pdl_winograd_error(const pdl_op *op, pdl_tile_kind tile, size_t channels, pdl_precision precision);

/* The same in bfloat16 where the input is constant: 1.7e-3 for a tile with the point 1, whatever the filter. */
double pdl_winograd_constant_error(const pdl_op *op, pdl_tile_kind tile);

#endif
