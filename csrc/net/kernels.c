/* Element by element and by copying. SPDX-License-Identifier: Apache-2.0 */
#include "net/kernels.h"

#include <string.h>

/* Calls work(call, pixel, channel, count) for rows of at most PDL_ROW channels of every pixel of the output. */
typedef void (*row_work)(const pdl_kernel_call *call, size_t pixel, size_t channel, size_t count);

static void each_row(const pdl_kernel_call *call, row_work work)
{
    size_t pixels = pdl_map_pixels(&call->output), channels = call->output.channels;
#pragma omp parallel for schedule(static)
    for (size_t pixel = 0; pixel < pixels; pixel++)
        for (size_t channel = 0; channel < channels; channel += PDL_ROW)
            work(call, pixel, channel, channels - channel < PDL_ROW ? channels - channel : PDL_ROW);
}

/* ---- add ---- */

PDL_VECTOR_CLONES void pdl_clip(float *y, const float *x, size_t channels)
{
    for (size_t c = 0; c < channels; c++)
        y[c] = x[c] < 0.0f ? 0.0f : x[c]; /* keeps NaN */
}

PDL_VECTOR_CLONES static void sum(float *y, const float *a, const float *b, size_t channels)
{
    for (size_t c = 0; c < channels; c++)
        y[c] = a[c] + b[c];
}

static void add_row(const pdl_kernel_call *call, size_t pixel, size_t channel, size_t count)
{
    const pdl_map *in = call->input, *out = &call->output;
    float a_room[PDL_ROW], b_room[PDL_ROW], y_room[PDL_ROW];
    float *y = pdl_row_room(out, pixel * out->pitch + channel, y_room);
    const float *total = pdl_row_read(&in[0], pixel * in[0].pitch + channel, count, a_room);
    for (size_t j = 1; j < call->op->inputs; j++, total = y)
        sum(y, total, pdl_row_read(&in[j], pixel * in[j].pitch + channel, count, b_room), count);
    pdl_finish_row(call, y, count);
    pdl_row_write(out, pixel * out->pitch + channel, count, y);
}

void pdl_kernel_add(const pdl_kernel_call *call)
{
    each_row(call, add_row);
}

/* ---- concat, pad, copy ---- */

void pdl_kernel_concat(const pdl_kernel_call *call)
{
    const pdl_map *out = &call->output;
    size_t pixels = pdl_map_pixels(out), element = pdl_element_size(out->precision);
#pragma omp parallel for schedule(static)
    for (size_t i = 0; i < pixels; i++) {
        char *y = pdl_map_at(out, i * out->pitch);
        for (size_t j = 0; j < call->op->inputs; y += call->input[j++].channels * element) {
            const char *x = pdl_map_at(&call->input[j], i * call->input[j].pitch);
            if (x != y) memcpy(y, x, call->input[j].channels * element);
        }
    }
}

static void pad_row(const pdl_kernel_call *call, size_t line)
{
    const pdl_map *in = call->input, *out = &call->output;
    const size_t *before = call->op->window.before;
    size_t image = line / out->height, row = line % out->height,
           bytes = out->channels * pdl_element_size(out->precision);
    bool inside = row >= before[0] && row - before[0] < in->height;
    for (size_t column = 0; column < out->width; column++) {
        void *y = pdl_map_at(out, (line * out->width + column) * out->pitch);
        size_t x = column - before[1]; /* wraps around to the left of the image: above its width */
        size_t pixel = (image * in->height + row - before[0]) * in->width + x;
        if (inside && x < in->width)
            memcpy(y, pdl_map_at(in, pixel * in->pitch), bytes);
        else
            memset(y, 0, bytes);
    }
}

void pdl_kernel_pad(const pdl_kernel_call *call)
{
    size_t lines = call->output.batch * call->output.height;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        pad_row(call, line);
}

void pdl_kernel_copy(const pdl_kernel_call *call)
{
    const pdl_map *out = &call->output;
    memcpy(out->data, call->input->data, pdl_map_pixels(out) * out->channels * pdl_element_size(out->precision));
}
