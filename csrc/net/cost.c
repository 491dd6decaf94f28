/* SPDX-License-Identifier: Apache-2.0 */
#include "net/cost.h"

/* What moving one number costs in multiplications and additions: the transforms' times beside the products' for 64 to
 * 512 channels with AVX-512, one machine. Weights are taken to cost the same. */
#define TRANSFORM 33.0
#define WEIGHT 33.0

/* How many times as fast as in float32 a product of matrices is in bfloat16: by AVX512_BF16, and by AMX, which oneDNN
 * uses and our own kernels do not. What instructions can do, not measured. */
#define BF16_SPEED 2.0
#define AMX_SPEED 16.0

static double speed(const pdl_map *in)
{
    return in->precision == PDL_PRECISION_BFLOAT16 ? BF16_SPEED : 1.0;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double sum_cost(const pdl_op *op, const pdl_map *in, const pdl_map *out, double multiply_speed)
{
    double weights =
        (double)(op->window.kernel[0] * op->window.kernel[1]) * (double)in->channels * (double)out->channels;
    double pixels = (double)out->batch * (double)out->height * (double)out->width;
    return larger(2 * weights * pixels / multiply_speed, WEIGHT / speed(in) * weights);
}

double pdl_cost_direct(const pdl_op *op, const pdl_map *in, const pdl_map *out)
{
    bool amx = in->precision == PDL_PRECISION_BFLOAT16 && pdl_has_amx();
    return sum_cost(op, in, out, amx ? AMX_SPEED : speed(in));
}

double pdl_cost_pointwise(const pdl_op *op, const pdl_map *in, const pdl_map *out)
{
    return sum_cost(op, in, out, speed(in));
}

double pdl_cost_tile(pdl_tile_kind tile, const pdl_op *op, const pdl_map *in, const pdl_map *out, size_t threads,
                     pdl_simd simd)
{
    pdl_winograd plan;
    pdl_winograd_plan(&plan, tile, op, in, out, threads, simd);
    double products = (double)pdl_tile_products(tile), tiles = (double)plan.tiles;
    double channels = (double)in->channels, outputs = (double)out->channels;
    double passes = plan.together ? 1 : tiles / (double)plan.chunk / (double)threads;
    double multiply = 2 * channels * outputs * products * tiles;
    return larger(multiply, passes * WEIGHT * products * channels * outputs) / speed(in) +
           TRANSFORM * (channels + outputs) * products * tiles;
}

double pdl_cost_copy(const pdl_map *map)
{
    return TRANSFORM * (double)map->batch * (double)map->height * (double)map->width * (double)map->channels;
}
