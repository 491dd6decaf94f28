/* What the ways to compute a convolution cost, as an estimate. SPDX-License-Identifier: Apache-2.0
 *
 * Costs are counted in multiplications and additions of a matrix product of float32 in cache:
 *
 *     direct    2 C K taps for every output pixel, and reading each weight once
 *     Winograd  2 C K for every product of every tile; TRANSFORM for every number of v and m, which the transforms
 *               write or read once; reading each transformed weight once a chunk or, together, once
 *
 * A pass over the weights is hidden behind the arithmetic when that takes longer. Tiles that hang over the map's edge
 * count whole. C: channels, K: outputs. */
#ifndef PDL_NET_COST_H
#define PDL_NET_COST_H

#include "net/winograd/winograd.h"

/* By oneDNN, by our own 1x1, by Winograd. in, out: shapes of the whole batch, dense. */
double pdl_cost_direct(const pdl_op *op, const pdl_map *in, const pdl_map *out);
double pdl_cost_pointwise(const pdl_op *op, const pdl_map *in, const pdl_map *out);
double pdl_cost_tile(pdl_tile_kind tile, const pdl_op *op, const pdl_map *in, const pdl_map *out, size_t threads,
                     pdl_simd simd);

/* Moving a map to another place. */
double pdl_cost_copy(const pdl_map *map);

#endif
