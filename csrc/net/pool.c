/* Pooling on NHWC maps, into slices too. SPDX-License-Identifier: Apache-2.0
 *
 * For every output pixel the window's pixels ("taps") are listed, then their channels are merged a block at a time,
 * so that a block's result stays in registers. */
#include "net/kernels.h"

#include <string.h>

#define TAPS 64  /* pixels merged at a time; a larger window takes several rounds */
#define BLOCK 32 /* channels */

/* ---- one pixel: y = the taps' maximum, or their sum; y may be a tap ---- */

PDL_VECTOR_CLONES static void max_of(float *y, const float *const *taps, size_t count, size_t channels)
{
    size_t c = 0;
    for (; c + BLOCK <= channels; c += BLOCK) {
        float best[BLOCK];
        memcpy(best, taps[0] + c, sizeof best);
        for (size_t tap = 1; tap < count; tap++)
            for (size_t i = 0; i < BLOCK; i++)
                best[i] = taps[tap][c + i] > best[i] ? taps[tap][c + i] : best[i];
        memcpy(y + c, best, sizeof best);
    }
    for (; c < channels; c++) {
        float best = taps[0][c];
        for (size_t tap = 1; tap < count; tap++)
            best = taps[tap][c] > best ? taps[tap][c] : best;
        y[c] = best;
    }
}

PDL_VECTOR_CLONES static void sum_of(float *y, const float *const *taps, size_t count, size_t channels)
{
    size_t c = 0;
    for (; c + BLOCK <= channels; c += BLOCK) {
        float sum[BLOCK];
        memcpy(sum, taps[0] + c, sizeof sum);
        for (size_t tap = 1; tap < count; tap++)
            for (size_t i = 0; i < BLOCK; i++)
                sum[i] += taps[tap][c + i];
        memcpy(y + c, sum, sizeof sum);
    }
    for (; c < channels; c++) {
        float sum = taps[0][c];
        for (size_t tap = 1; tap < count; tap++)
            sum += taps[tap][c];
        y[c] = sum;
    }
}

PDL_VECTOR_CLONES static void divide(float *y, float count, bool relu, size_t channels)
{
    for (size_t c = 0; c < channels; c++) {
        float mean = y[c] / count;
        y[c] = relu && mean < 0.0f ? 0.0f : mean;
    }
}

/* ---- a window's taps ---- */

typedef void (*merge)(float *y, const float *const *taps, size_t count, size_t channels);

/* Merges a rectangle of the image, rows x columns pixels with the first at `corner`; row_pitch in floats. */
static void merge_window(float *y, const float *corner, size_t rows, size_t columns, size_t row_pitch, size_t pitch,
                         size_t channels, merge take)
{
    const float *taps[TAPS];
    size_t count = 0;
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            taps[count++] = corner + i * row_pitch + j * pitch;
            if (count < TAPS) continue;
            take(y, taps, count, channels);
            taps[0] = y;
            count = 1;
        }
    take(y, taps, count, channels);
}

/* Output row `line` = image * height + row; every window holds at least one pixel of the image. */
static void pool_row(const pdl_kernel_call *call, size_t line, merge take, bool mean)
{
    const pdl_map *in = call->input, *out = &call->output;
    const pdl_window *window = &call->op->window;
    size_t top, bottom, row, image = line / out->height, row_pitch = in->width * in->pitch;
    pdl_window_range(window, 0, line % out->height, in->height, &top, &bottom, &row);
    const float *x = in->data + (image * in->height + row) * row_pitch;
    for (size_t column = 0; column < out->width; column++) {
        size_t left, right, first;
        pdl_window_range(window, 1, column, in->width, &left, &right, &first);
        float *y = out->data + (line * out->width + column) * out->pitch;
        merge_window(y, x + first * in->pitch, bottom - top, right - left, row_pitch, in->pitch, out->channels, take);
        if (mean) divide(y, (float)((bottom - top) * (right - left)), call->op->relu, out->channels);
    }
}

void pdl_kernel_max_pool(const pdl_kernel_call *call)
{
    size_t lines = call->output.batch * call->output.height;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        pool_row(call, line, max_of, false);
}

void pdl_kernel_avg_pool(const pdl_kernel_call *call)
{
    size_t lines = call->output.batch * call->output.height;
#pragma omp parallel for schedule(static)
    for (size_t line = 0; line < lines; line++)
        pool_row(call, line, sum_of, true);
}

/* ---- whole maps ---- */

static float *pool_image(const pdl_kernel_call *call, size_t image, merge take)
{
    const pdl_map *in = call->input;
    size_t row_pitch = in->width * in->pitch;
    float *y = call->output.data + image * call->output.pitch;
    const float *x = in->data + image * in->height * row_pitch;
    merge_window(y, x, in->height, in->width, row_pitch, in->pitch, in->channels, take);
    return y;
}

void pdl_kernel_global_max(const pdl_kernel_call *call)
{
#pragma omp parallel for schedule(static)
    for (size_t image = 0; image < call->output.batch; image++)
        pool_image(call, image, max_of);
}

void pdl_kernel_global_avg(const pdl_kernel_call *call)
{
    float count = (float)(call->input->height * call->input->width);
#pragma omp parallel for schedule(static)
    for (size_t image = 0; image < call->output.batch; image++)
        divide(pool_image(call, image, sum_of), count, false, call->input->channels);
}
