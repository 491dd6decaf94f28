/* SPDX-License-Identifier: Apache-2.0 */
#include "net/pointwise/pointwise.h"

#include "base/sizes.h"
#include "net/pointwise/kernels.h"

#include <omp.h>

#define BLOCK_BYTES ((size_t)256 << 10) /* of input pixels: they stay in a core's L2 cache while the weights pass */
#define MIN_PIXELS 28                   /* fewer would read the weights too often */
#define MAX_PIXELS 252
#define MIN_PANELS 2 /* of a task, where pixels alone do not make enough tasks */

static const pdl_pointwise_kernel kernels[PDL_SIMD_KINDS] = {
    [PDL_SIMD_PORTABLE] = pdl_pointwise_portable,
#ifdef PDL_SIMD_X86
    [PDL_SIMD_AVX2] = pdl_pointwise_avx2,
    [PDL_SIMD_AVX512] = pdl_pointwise_avx512,
#endif
    [PDL_SIMD_BF16_PORTABLE] = pdl_pointwise_bf16_portable,
#ifdef PDL_SIMD_X86
    [PDL_SIMD_BF16_AVX2] = pdl_pointwise_bf16_avx2,
    [PDL_SIMD_BF16_AVX512] = pdl_pointwise_bf16_avx512,
    [PDL_SIMD_BF16_NATIVE] = pdl_pointwise_bf16_native,
#endif
};

bool pdl_pointwise_fits(const pdl_op *op, size_t channels)
{
    if (op->kind != PDL_OP_CONV || channels % 4 != 0) return false;
    for (int axis = 0; axis < 2; axis++)
        if (op->window.kernel[axis] != 1 || op->window.stride[axis] != 1 || op->window.before[axis] != 0 ||
            op->window.after[axis] != 0)
            return false;
    return true;
}

void pdl_pointwise_run(const pdl_tile_weights *weights, const pdl_kernel_call *call)
{
    const pdl_map *in = call->input, *out = &call->output;
    const pdl_op *op = call->op;
    size_t element = pdl_element_size(in->precision);
    size_t pixels = out->batch * out->height * out->width, width = 2 * pdl_winograd_kernels_for(weights->simd)->lanes;
    size_t at_once = BLOCK_BYTES / (in->channels * element);
    at_once = at_once < MIN_PIXELS ? MIN_PIXELS : at_once > MAX_PIXELS ? MAX_PIXELS : at_once / 14 * 14;
    size_t blocks = pdl_size_div_up(pixels, at_once), panels = pdl_size_div_up(out->channels, width);
    size_t threads = (size_t)omp_get_max_threads(), parts = pdl_size_div_up(4 * threads, blocks); /* of the outputs */
    if (parts > pdl_size_div_up(panels, MIN_PANELS)) parts = pdl_size_div_up(panels, MIN_PANELS);
    pdl_pointwise_kernel kernel = kernels[weights->simd];
#pragma omp parallel for schedule(dynamic)
    for (size_t task = 0; task < blocks * parts; task++) {
        size_t block = task / parts, part = task % parts;
        size_t first = pixels * block / blocks, last = pixels * (block + 1) / blocks;
        size_t begin = panels * part / parts * width, end = panels * (part + 1) / parts * width;
        if (end > out->channels) end = out->channels;
        kernel(&(pdl_pointwise_block){
            .x = pdl_map_at(in, first * in->pitch),
            .u = (const char *)weights->u + begin * in->channels * element,
            .bias = op->bias == NULL ? NULL : op->bias + begin,
            .y = pdl_map_at(out, first * out->pitch + begin),
            .pixels = last - first,
            .channels = in->channels,
            .outputs = end - begin,
            .x_pitch = in->pitch,
            .y_pitch = out->pitch,
            .residual = op->residual,
            .relu = op->relu,
        });
    }
}
