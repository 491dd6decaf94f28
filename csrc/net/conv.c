/* Convolution on NHWC maps, for the few shapes that oneDNN has only its reference code for. SPDX-License-Identifier:
 * Apache-2.0
 *
 *     y[i, j, f] = (y[i, j, f]) + bias[f] + sum over the window and c of x[., ., c] w[., ., c, f] */
#include "net/kernels.h"

#include <string.h>

PDL_VECTOR_CLONES static void add_scaled(float *restrict y, const float *restrict w, float x, size_t outputs)
{
    for (size_t f = 0; f < outputs; f++)
        y[f] += x * w[f];
}

static void conv_row(const pdl_kernel_call *call, size_t line)
{
    const pdl_map *in = call->input, *out = &call->output;
    const pdl_op *op = call->op;
    const pdl_window *window = &op->window;
    size_t top, bottom, row, image = line / out->height, outputs = out->channels;
    pdl_window_range(window, 0, line % out->height, in->height, &top, &bottom, &row);
    for (size_t column = 0; column < out->width; column++) {
        size_t left, right, x;
        pdl_window_range(window, 1, column, in->width, &left, &right, &x);
        float *y = out->data + (line * out->width + column) * out->pitch;
        if (!op->residual) memset(y, 0, outputs * sizeof *y);
        if (op->bias != NULL) add_scaled(y, op->bias, 1.0f, outputs);
        for (size_t i = top; i < bottom; i++)
            for (size_t j = left; j < right; j++) {
                size_t pixel = (image * in->height + row + (i - top) * window->dilation[0]) * in->width;
                pixel += x + (j - left) * window->dilation[1];
                const float *from = in->data + pixel * in->pitch;
                const float *weight = op->weight + (i * window->kernel[1] + j) * in->channels * outputs;
                for (size_t c = 0; c < in->channels; c++)
                    add_scaled(y, weight + c * outputs, from[c], outputs);
            }
        if (op->relu) pdl_clip(y, y, outputs);
    }
}

void pdl_kernel_conv(const pdl_kernel_call *call)
{
    size_t lines = call->output.batch * call->output.height;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        conv_row(call, line);
}
