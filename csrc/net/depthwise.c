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

static void multiply_add_many(float *restrict y, const float *restrict x, const float *restrict w, size_t channels,
                              size_t multiplier)
{
    for (size_t c = 0; c < channels; c++)
        for (size_t k = 0; k < multiplier; k++)
            y[c * multiplier + k] += x[c] * w[c * multiplier + k];
}

static void depthwise_row(const pdl_kernel_call *call, size_t line)
{
    const pdl_map *in = call->input, *out = &call->output;
    const pdl_op *op = call->op;
    const size_t *dilation = op->window.dilation;
    size_t top, bottom, row, image = line / out->height;
    pdl_window_range(&op->window, 0, line % out->height, in->height, &top, &bottom, &row);
    for (size_t column = 0; column < out->width; column++) {
        size_t left, right, x;
        pdl_window_range(&op->window, 1, column, in->width, &left, &right, &x);
        float *y = out->data + (line * out->width + column) * out->pitch;
        if (op->bias != NULL)
            memcpy(y, op->bias, out->channels * sizeof *y);
        else
            memset(y, 0, out->channels * sizeof *y);
        for (size_t i = top; i < bottom; i++)
            for (size_t j = left; j < right; j++) {
                size_t pixel = (image * in->height + row + (i - top) * dilation[0]) * in->width;
                pixel += x + (j - left) * dilation[1];
                const float *from = in->data + pixel * in->pitch;
                const float *weight = op->weight + (i * op->window.kernel[1] + j) * out->channels;
                if (op->multiplier == 1)
                    multiply_add(y, from, weight, in->channels);
                else
                    multiply_add_many(y, from, weight, in->channels, op->multiplier);
            }
        if (op->relu) pdl_clip(y, y, out->channels);
    }
}

void pdl_kernel_depthwise(const pdl_kernel_call *call)
{
    size_t lines = call->output.batch * call->output.height;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        depthwise_row(call, line);
}
