/* Depthwise convolution on NHWC maps, for the shapes that oneDNN has no fast code for. SPDX-License-Identifier:
 * Apache-2.0
 *
 *     y[i, j, c m + k] = bias + sum over the window of x[., ., c] w[., ., c m + k],  m outputs per channel */
#include "net/kernels.h"

#include <string.h>

PDL_VECTOR_CLONES static void multiply_add(float *restrict y, const float *restrict x, const float *restrict w,
                                           size_t channels)
{
    for (size_t c = 0; c < channels; c++)
        y[c] += x[c] * w[c];
}

/* y[o] += x[o / multiplier - channel] w[o] for outputs from `first` on; x begins with `channel`. */
static void multiply_add_many(float *restrict y, const float *restrict x, const float *restrict w, size_t first,
                              size_t count, size_t multiplier)
{
    for (size_t o = 0; o < count; o++)
        y[o] += x[(first + o) / multiplier - first / multiplier] * w[o];
}

/* At most PDL_ROW outputs of one pixel. */
static void depthwise_pixel(const pdl_kernel_call *call, size_t line, size_t column, size_t first)
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
            if (op->multiplier == 1)
                multiply_add(y, from, weight, count);
            else
                multiply_add_many(y, from, weight, first, count, op->multiplier);
        }
    if (op->relu) pdl_clip(y, y, count);
    pdl_row_write(out, at, count, y);
}

void pdl_kernel_depthwise(const pdl_kernel_call *call)
{
    const pdl_map *out = &call->output;
    size_t lines = out->batch * out->height;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        for (size_t column = 0; column < out->width; column++)
            for (size_t first = 0; first < out->channels; first += PDL_ROW)
                depthwise_pixel(call, line, column, first);
}
