/* Convolution and transposed convolution on NHWC maps, for the few shapes that oneDNN has only its reference code for.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     convolution   y[i, j, f] = (y[i, j, f]) + bias[f] + sum over the window and c of x[., ., c] w[., ., c, f]
 *     transposed    x[i, j, c] w[di, dj, c, f] is added to y[i s + di - before, j s + dj - before, f], which begins as
 *                   bias[f] */
#include "net/kernels.h"

#include <string.h>

PDL_VECTOR_CLONES static void add_scaled(float *restrict y, const float *restrict w, float x, size_t outputs)
{
    for (size_t f = 0; f < outputs; f++)
        y[f] += x * w[f];
}

/* Outputs [first, first + count) of one pixel; y is where they are summed up. */
typedef struct sums {
    float *y;
    size_t first, count;
} sums;

/* Adds what one pixel of the input brings, through one tap of the window. */
static void add_tap(const pdl_kernel_call *call, const sums *to, size_t pixel, size_t tap)
{
    const pdl_map *in = call->input;
    size_t outputs = call->output.channels;
    const float *weight = call->op->weight + tap * in->channels * outputs + to->first;
    float room[PDL_ROW];
    for (size_t channel = 0; channel < in->channels; channel += PDL_ROW) {
        size_t count = in->channels - channel < PDL_ROW ? in->channels - channel : PDL_ROW;
        const float *x = pdl_row_read(in, pixel * in->pitch + channel, count, room);
        for (size_t c = 0; c < count; c++, weight += outputs)
            add_scaled(to->y, weight, x[c], to->count);
    }
}

static void conv_pixel(const pdl_kernel_call *call, size_t line, size_t column, size_t first)
{
    const pdl_map *in = call->input, *out = &call->output;
    const pdl_op *op = call->op;
    const pdl_window *window = &op->window;
    size_t top, bottom, row, left, right, x, image = line / out->height;
    pdl_window_range(window, 0, line % out->height, in->height, &top, &bottom, &row);
    pdl_window_range(window, 1, column, in->width, &left, &right, &x);
    float room[PDL_ROW];
    size_t at = (line * out->width + column) * out->pitch + first;
    sums to = {pdl_row_room(out, at, room), first, out->channels - first};
    if (to.count > PDL_ROW) to.count = PDL_ROW;
    if (op->residual)
        pdl_row_read(out, at, to.count, room);
    else
        memset(to.y, 0, to.count * sizeof *to.y);
    if (op->bias != NULL) add_scaled(to.y, op->bias + first, 1.0f, to.count);
    for (size_t i = top; i < bottom; i++)
        for (size_t j = left; j < right; j++) {
            size_t pixel = (image * in->height + row + (i - top) * window->dilation[0]) * in->width;
            add_tap(call, &to, pixel + x + (j - left) * window->dilation[1], i * window->kernel[1] + j);
        }
    pdl_finish_row(call, to.y, to.count);
    pdl_row_write(out, at, to.count, to.y);
}

/* The input's position from which tap `tap` reaches output `at`; false when there is none. */
static bool source_of(const pdl_window *window, int axis, size_t at, size_t tap, size_t extent, size_t *source)
{
    size_t reached = at + window->before[axis], offset = tap * window->dilation[axis];
    if (reached < offset || (reached - offset) % window->stride[axis] != 0) return false;
    *source = (reached - offset) / window->stride[axis];
    return *source < extent;
}

static void deconv_pixel(const pdl_kernel_call *call, size_t line, size_t column, size_t first)
{
    const pdl_map *in = call->input, *out = &call->output;
    const pdl_op *op = call->op;
    size_t row, x, at = (line * out->width + column) * out->pitch + first;
    float room[PDL_ROW];
    sums to = {pdl_row_room(out, at, room), first, out->channels - first};
    if (to.count > PDL_ROW) to.count = PDL_ROW;
    memset(to.y, 0, to.count * sizeof *to.y);
    if (op->bias != NULL) memcpy(to.y, op->bias + first, to.count * sizeof *to.y);
    for (size_t i = 0; i < op->window.kernel[0]; i++)
        for (size_t j = 0; j < op->window.kernel[1]; j++)
            if (source_of(&op->window, 0, line % out->height, i, in->height, &row) &&
                source_of(&op->window, 1, column, j, in->width, &x))
                add_tap(call, &to, (line / out->height * in->height + row) * in->width + x,
                        i * op->window.kernel[1] + j);
    pdl_finish_row(call, to.y, to.count);
    pdl_row_write(out, at, to.count, to.y);
}

typedef void make_pixel(const pdl_kernel_call *call, size_t line, size_t column, size_t first);

static void make_pixels(const pdl_kernel_call *call, make_pixel *make)
{
    const pdl_map *out = &call->output;
    size_t lines = out->batch * out->height;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        for (size_t column = 0; column < out->width; column++)
            for (size_t first = 0; first < out->channels; first += PDL_ROW)
                make(call, line, column, first);
}

void pdl_kernel_conv(const pdl_kernel_call *call)
{
    make_pixels(call, conv_pixel);
}

void pdl_kernel_deconv(const pdl_kernel_call *call)
{
    make_pixels(call, deconv_pixel);
}
