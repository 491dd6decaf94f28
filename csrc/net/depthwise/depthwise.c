/* Depthwise convolution on NHWC maps. SPDX-License-Identifier: Apache-2.0
 *
 *     y[i, j, c m + k] = bias + sum over the window of x[., ., c] w[., ., c m + k],  m outputs per channel
 *
 * Windows that hang over the image's edge are smaller. */
#include "net/depthwise/depthwise.h"

#include "base/memory.h"
#include "base/sizes.h"
#include "net/depthwise/kernels.h"
#include "net/elementwise/kernels.h"

#include <math.h>
#include <string.h>

/* y[o] += x[o / multiplier - channel] w[o] for outputs from `first` on; x begins with `channel`. */
static void multiply_add_many(float *restrict y, const float *restrict x, const float *restrict w, size_t first,
                              size_t count, size_t multiplier)
{
    for (size_t o = 0; o < count; o++)
        y[o] += x[(first + o) / multiplier - first / multiplier] * w[o];
}

/* At most PDL_ROW outputs of one pixel, several a channel. */
static void sum_pixel(const pdl_kernel_call *call, size_t line, size_t column, size_t first)
{
    const pdl_map *in = call->input, *out = &call->output;
    const pdl_op *op = call->op;
    size_t top, bottom, row, left, right, x, image = line / out->height;
    pdl_window_range(&op->window, 0, line % out->height, in->height, &top, &bottom, &row);
    pdl_window_range(&op->window, 1, column, in->width, &left, &right, &x);
    float x_room[PDL_ROW], y_room[PDL_ROW];
    size_t at = (line * out->width + column) * out->pitch + first;
    size_t count = out->channels - first < PDL_ROW ? out->channels - first : PDL_ROW;
    size_t channel = first / op->multiplier, channels = (first + count - 1) / op->multiplier + 1 - channel;
    float *y = pdl_row_room(out, at, y_room);
    if (op->bias != NULL)
        memcpy(y, op->bias + first, count * sizeof *y);
    else
        memset(y, 0, count * sizeof *y);
    for (size_t i = top; i < bottom; i++)
        for (size_t j = left; j < right; j++) {
            size_t pixel = (image * in->height + row + (i - top) * op->window.dilation[0]) * in->width;
            pixel += x + (j - left) * op->window.dilation[1];
            const float *from = pdl_row_read(in, pixel * in->pitch + channel, channels, x_room);
            const float *weight = op->weight + (i * op->window.kernel[1] + j) * out->channels + first;
            multiply_add_many(y, from, weight, first, count, op->multiplier);
        }
    pdl_finish_row(call, y, count);
    pdl_row_write(out, at, count, y);
}

static void many_a_channel(const pdl_kernel_call *call)
{
    const pdl_map *out = &call->output;
    size_t lines = out->batch * out->height;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        for (size_t column = 0; column < out->width; column++)
            for (size_t first = 0; first < out->channels; first += PDL_ROW)
                sum_pixel(call, line, column, first);
}

/* ---- one output a channel ---- */

#define STREAM_BYTES ((size_t)24 << 20) /* outputs that no cache will hold until they are read */

static const pdl_depthwise_kernel kernels[PDL_SIMD_KINDS] = {
    [PDL_SIMD_PORTABLE] = pdl_depthwise_portable,
    [PDL_SIMD_BF16_PORTABLE] = pdl_depthwise_bf16_portable,
#ifdef PDL_SIMD_X86
    [PDL_SIMD_AVX2] = pdl_depthwise_avx2,
    [PDL_SIMD_AVX512] = pdl_depthwise_avx512,
    [PDL_SIMD_BF16_AVX2] = pdl_depthwise_bf16_avx2,
    [PDL_SIMD_BF16_AVX512] = pdl_depthwise_bf16_avx512,
    [PDL_SIMD_BF16_NATIVE] = pdl_depthwise_bf16_avx512, /* it waits for memory */
#endif
};

/* Whether the results are to be written past the caches, and can be. */
static bool may_stream(const pdl_map *out)
{
    const size_t line = PDL_ALIGNMENT / sizeof(float);
    return out->precision == PDL_PRECISION_FLOAT32 && (uintptr_t)out->data % PDL_ALIGNMENT == 0 &&
           out->channels % line == 0 && out->pitch % line == 0 &&
           pdl_map_pixels(out) * out->channels * sizeof(float) > STREAM_BYTES;
}

/* Columns [begin, end) of output row `line` = image * height + row, to y; every window holds at least one pixel of the
 * image. */
static void sum_row(const pdl_depthwise *d, size_t line, size_t begin, size_t end, char *y)
{
    const pdl_map *in = d->in;
    const pdl_op *op = d->op;
    const pdl_window *window = &op->window;
    size_t top, bottom, row, image = line / d->height;
    float ceiling = INFINITY;
    bool clips = pdl_function_clips(&op->function, &ceiling);
    pdl_window_range(window, 0, line % d->height, in->height, &top, &bottom, &row);
    kernels[d->simd](&(pdl_depthwise_windows){
        .x = pdl_map_at(in, (image * in->height + row - d->first_row) * in->width * in->pitch),
        .y = y,
        .w = op->weight + top * window->kernel[1] * in->channels,
        .bias = op->bias,
        .count = end - begin,
        .rows = bottom - top,
        .columns = window->kernel[1],
        .begin = (ptrdiff_t)(begin * window->stride[1]) - (ptrdiff_t)window->before[1],
        .width = in->width,
        .stride = window->stride[1],
        .dilation = window->dilation[1],
        .x_row = in->width * in->pitch * window->dilation[0],
        .x_column = in->pitch,
        .w_row = window->kernel[1] * in->channels,
        .y_pitch = d->pitch,
        .channels = in->channels,
        .relu_first = op->relu_first,
        .relu = op->relu || clips,
        .ceiling = ceiling,
        .stream = d->stream,
    });
    if (!clips) pdl_activate_rows(d->simd, &op->function, y, d->pitch, end - begin, in->channels);
}

void pdl_depthwise_pixels(const pdl_depthwise *d, size_t first, size_t last, void *y)
{
    size_t element = pdl_element_size(d->in->precision);
    for (size_t pixel = first, end; pixel < last; pixel = end) {
        size_t line = pixel / d->width, row = line * d->width;
        end = pdl_size_min(row + d->width, last);
        sum_row(d, line, pixel - row, end - row, (char *)y + (pixel - first) * d->pitch * element);
    }
}

void pdl_kernel_depthwise(const pdl_kernel_call *call)
{
    if (call->op->multiplier != 1) {
        many_a_channel(call);
        return;
    }
    const pdl_map *out = &call->output;
    size_t lines = out->batch * out->height;
    float ceiling;
    bool calls = pdl_function_is_set(&call->op->function) && !pdl_function_clips(&call->op->function, &ceiling);
    pdl_depthwise d = {.op = call->op,
                       .in = call->input,
                       .height = out->height,
                       .width = out->width,
                       .pitch = out->pitch,
                       .simd = call->simd,
                       /* What is written past the caches is not to be read again so soon. */
                       .stream = !calls && may_stream(out)};
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        sum_row(&d, line, 0, out->width, pdl_map_at(out, line * out->width * out->pitch));
}
