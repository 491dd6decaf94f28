/* Pooling on NHWC maps, into slices too. SPDX-License-Identifier: Apache-2.0 */
#include "net/kernels.h"

#include <string.h>

/* ---- one pixel's channels ---- */

PDL_VECTOR_CLONES static void take_max(float *restrict y, const float *restrict x, size_t channels)
{
    for (size_t c = 0; c < channels; c++)
        y[c] = x[c] > y[c] ? x[c] : y[c];
}

PDL_VECTOR_CLONES static void take_sum(float *restrict y, const float *restrict x, size_t channels)
{
    for (size_t c = 0; c < channels; c++)
        y[c] += x[c];
}

PDL_VECTOR_CLONES static void divide(float *restrict y, float count, size_t channels)
{
    for (size_t c = 0; c < channels; c++)
        y[c] /= count;
}

/* ---- windows ---- */

typedef void (*gather)(float *restrict y, const float *restrict x, size_t channels);

/* Output row (batch * height + row); every window holds at least one pixel of the image. */
static void pool_row(const pdl_kernel_call *call, size_t line, gather take, bool mean)
{
    const pdl_map *in = call->input, *out = &call->output;
    const pdl_window *window = &call->op->window;
    size_t top, bottom, row, channels = out->channels, image = line / out->height;
    pdl_window_range(window, 0, line % out->height, in->height, &top, &bottom, &row);
    for (size_t column = 0; column < out->width; column++) {
        size_t left, right, x;
        pdl_window_range(window, 1, column, in->width, &left, &right, &x);
        float *y = out->data + (line * out->width + column) * out->pitch;
        for (size_t i = 0; i < bottom - top; i++)
            for (size_t j = 0; j < right - left; j++) {
                size_t pixel = (image * in->height + row + i) * in->width + x + j;
                const float *from = in->data + pixel * in->pitch;
                if (i == 0 && j == 0)
                    memcpy(y, from, channels * sizeof *y);
                else
                    take(y, from, channels);
            }
        if (mean) divide(y, (float)((bottom - top) * (right - left)), channels);
    }
}

void pdl_kernel_max_pool(const pdl_kernel_call *call)
{
    size_t lines = call->output.batch * call->output.height;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        pool_row(call, line, take_max, false);
}

void pdl_kernel_avg_pool(const pdl_kernel_call *call)
{
    size_t lines = call->output.batch * call->output.height;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        pool_row(call, line, take_sum, true);
}

/* ---- whole maps ---- */

static void pool_image(const pdl_kernel_call *call, size_t image, gather take)
{
    const pdl_map *in = call->input;
    size_t pixels = in->height * in->width;
    float *y = call->output.data + image * call->output.pitch;
    const float *x = in->data + image * pixels * in->pitch;
    memcpy(y, x, in->channels * sizeof *y);
    for (size_t i = 1; i < pixels; i++)
        take(y, x + i * in->pitch, in->channels);
}

void pdl_kernel_global_max(const pdl_kernel_call *call)
{
#pragma omp parallel for schedule(static)
    for (size_t image = 0; image < call->output.batch; image++)
        pool_image(call, image, take_max);
}

void pdl_kernel_global_avg(const pdl_kernel_call *call)
{
    const pdl_map *in = call->input;
#pragma omp parallel for schedule(static)
    for (size_t image = 0; image < call->output.batch; image++) {
        pool_image(call, image, take_sum);
        divide(call->output.data + image * call->output.pitch, (float)(in->height * in->width), in->channels);
    }
}
