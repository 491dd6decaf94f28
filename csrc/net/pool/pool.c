/* Pooling on NHWC maps, into slices too. SPDX-License-Identifier: Apache-2.0
 *
 * Windows that hang over the image's edge are smaller: a row of outputs is a few runs of windows of one size. */
#include "net/kernels.h"
#include "net/pool/kernels.h"

#define CHANNELS_AT_ONCE 256 /* of a whole map: a task's share */

static const pdl_pool_kernel kernels[PDL_SIMD_KINDS] = {
    [PDL_SIMD_PORTABLE] = pdl_pool_portable,
#ifdef PDL_SIMD_X86
    [PDL_SIMD_AVX2] = pdl_pool_avx2,
    [PDL_SIMD_AVX512] = pdl_pool_avx512,
#endif
    [PDL_SIMD_BF16_PORTABLE] = pdl_pool_bf16_portable,
#ifdef PDL_SIMD_X86
    [PDL_SIMD_BF16_AVX2] = pdl_pool_bf16_avx2,
    [PDL_SIMD_BF16_AVX512] = pdl_pool_bf16_avx512,
    [PDL_SIMD_BF16_NATIVE] = pdl_pool_bf16_avx512, /* it waits for memory */
#endif
};

/* Output row `line` = image * height + row; every window holds at least one pixel of the image. */
static void pool_row(const pdl_kernel_call *call, pdl_pool_kernel kernel, size_t line, bool mean)
{
    const pdl_map *in = call->input, *out = &call->output;
    const pdl_window *window = &call->op->window;
    size_t top, bottom, row, image = line / out->height;
    pdl_window_range(window, 0, line % out->height, in->height, &top, &bottom, &row);
    pdl_pool_windows run = {
        .rows = bottom - top,
        .step = window->stride[1] * in->pitch,
        .x_row = in->width * in->pitch,
        .x_pitch = in->pitch,
        .y_pitch = out->pitch,
        .channels = out->channels,
        .mean = mean,
        .relu = call->op->relu,
    };
    size_t x = (image * in->height + row) * run.x_row;
    for (size_t column = 0; column < out->width; column += run.count) {
        size_t left, right, first;
        pdl_window_range(window, 1, column, in->width, &left, &right, &first);
        run.columns = right - left;
        run.count = pdl_windows_alike(window, column, out->width, in->width);
        run.x = pdl_map_at(in, x + first * in->pitch);
        run.y = pdl_map_at(out, (line * out->width + column) * out->pitch);
        kernel(&run);
    }
}

static void pool_rows(const pdl_kernel_call *call, bool mean)
{
    pdl_pool_kernel kernel = kernels[call->simd];
    size_t lines = call->output.batch * call->output.height;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        pool_row(call, kernel, line, mean);
}

void pdl_kernel_max_pool(const pdl_kernel_call *call)
{
    pool_rows(call, false);
}

void pdl_kernel_avg_pool(const pdl_kernel_call *call)
{
    pool_rows(call, true);
}

/* ---- whole maps ---- */

static void pool_maps(const pdl_kernel_call *call, bool mean)
{
    const pdl_map *in = call->input, *out = &call->output;
    pdl_pool_kernel kernel = kernels[call->simd];
    size_t parts = (out->channels + CHANNELS_AT_ONCE - 1) / CHANNELS_AT_ONCE;
#pragma omp parallel for schedule(static)
    for (size_t task = 0; task < out->batch * parts; task++) {
        size_t image = task / parts, channel = task % parts * CHANNELS_AT_ONCE, left = out->channels - channel;
        kernel(&(pdl_pool_windows){
            .x = pdl_map_at(in, image * in->height * in->width * in->pitch + channel),
            .y = pdl_map_at(out, image * out->pitch + channel),
            .count = 1,
            .rows = in->height,
            .columns = in->width,
            .x_row = in->width * in->pitch,
            .x_pitch = in->pitch,
            .channels = left < CHANNELS_AT_ONCE ? left : CHANNELS_AT_ONCE,
            .mean = mean,
        });
    }
}

void pdl_kernel_global_max(const pdl_kernel_call *call)
{
    pool_maps(call, false);
}

void pdl_kernel_global_avg(const pdl_kernel_call *call)
{
    pool_maps(call, true);
}
