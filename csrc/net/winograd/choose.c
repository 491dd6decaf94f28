/* Which algorithm a convolution runs with. SPDX-License-Identifier: Apache-2.0 */
#include "net/winograd/winograd.h"

#include <stdlib.h>

pdl_tile_kind pdl_winograd_choose_tile(const pdl_op *op, const pdl_map *in, const pdl_map *out, size_t threads)
{
    static const pdl_tile_kind order[] = {PDL_TILE_4X4_3X3, PDL_TILE_8_1X3, PDL_TILE_8_3X1, PDL_TILE_6_1X7,
                                          PDL_TILE_6_7X1};
    (void)threads;
    if (getenv("PDL_DIRECT")) return PDL_TILE_KINDS;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (pdl_winograd_fits(op, order[i], in->channels, out->channels)) return order[i];
    return PDL_TILE_KINDS;
}
