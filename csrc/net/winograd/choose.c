/* Which algorithm a convolution runs with. SPDX-License-Identifier: Apache-2.0
 *
 * Costs are counted in multiplications and additions of a matrix product in cache:
 *
 *     direct    2 C K taps for every output pixel, and reading each weight once
 *     Winograd  2 C K for every product of every tile; TRANSFORM for every number of v and m, which the transforms
 *               write or read once; reading each transformed weight once a chunk or, together, once
 *
 * A pass over the weights is hidden behind the arithmetic when that takes longer. Tiles that hang over the map's edge
 * count whole. C: channels, K: outputs. */
#include "net/winograd/winograd.h"

#include <math.h>

/* What moving one number costs in multiplications and additions: the transforms' times beside the products' for 64 to
 * 512 channels with AVX-512, one machine. Weights are taken to cost the same. */
#define TRANSFORM 33.0
#define WEIGHT 33.0
/* Winograd must win by so much: its weights take several times the memory, and its error is larger. */
#define MARGIN 1.1

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double direct_cost(const pdl_op *op, const pdl_map *in, const pdl_map *out)
{
    double weights =
        (double)(op->window.kernel[0] * op->window.kernel[1]) * (double)in->channels * (double)out->channels;
    double pixels = (double)out->batch * (double)out->height * (double)out->width;
    return larger(2 * weights * pixels, WEIGHT * weights);
}

static double tile_cost(pdl_tile_kind tile, const pdl_op *op, const pdl_map *in, const pdl_map *out, size_t threads)
{
    pdl_winograd plan;
    pdl_winograd_plan(&plan, tile, op, in, out, threads);
    double products = (double)pdl_tile_products(tile), tiles = (double)plan.tiles;
    double channels = (double)in->channels, outputs = (double)out->channels;
    double passes = plan.together ? 1 : tiles / (double)plan.chunk / (double)threads;
    double multiply = 2 * channels * outputs * products * tiles;
    return larger(multiply, passes * WEIGHT * products * channels * outputs) +
           TRANSFORM * (channels + outputs) * products * tiles;
}

/* The lines of the small and the large tiles; a small one has the smaller error. */
static bool allowed(pdl_tile_kind tile, pdl_algorithm algorithm)
{
    bool large = tile == PDL_TILE_4X4_3X3 || pdl_tile_line(tile, 0)->outputs > 4 || pdl_tile_line(tile, 1)->outputs > 4;
    switch (algorithm) {
    case PDL_ALGORITHM_DIRECT:
        return false;
    case PDL_ALGORITHM_WINOGRAD_SMALL:
        return !large;
    case PDL_ALGORITHM_WINOGRAD_LARGE:
        return large;
    default:
        return true;
    }
}

pdl_tile_kind pdl_winograd_choose_tile(const pdl_op *op, const pdl_map *in, const pdl_map *out, pdl_algorithm algorithm,
                                       size_t threads)
{
    pdl_tile_kind best = PDL_TILE_KINDS;
    double lowest = algorithm == PDL_ALGORITHM_AUTO ? direct_cost(op, in, out) / MARGIN : INFINITY;
    for (int tile = 0; tile < PDL_TILE_FILTERS; tile++) {
        if (!allowed(tile, algorithm) || !pdl_winograd_fits(op, tile, in->channels, out->channels)) continue;
        double cost = tile_cost(tile, op, in, out, threads);
        if (cost >= lowest) continue;
        lowest = cost;
        best = tile;
    }
    return best;
}
