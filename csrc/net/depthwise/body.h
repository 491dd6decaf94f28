/* The kernel's one text, compiled once for each vector extension and precision (net/simd/simd.h).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Some vectors of channels of two windows at a time: their sums stay in registers over all pixels, and each weight is
 * read once for both. The windows of a run follow before the next channels, so that their pixels and weights are still
 * in the nearest cache when the next window reads them. */
#include "net/depthwise/kernels.h"

#define VECTORS 4 /* at a time: 256 neighbouring bytes of a pixel with AVX-512 */
#define WINDOWS 2
#define AHEAD 4 /* windows */
#define RUN 32  /* windows */

/* `vectors` vectors of channels of `windows` windows, from channel c on. */
INLINE void sum_window(const int windows, const int vectors, const bool relu_first, const pdl_depthwise_windows *w,
                       const element *x, element *y, size_t c)
{
    vec total[WINDOWS * VECTORS];
    UNROLL
    for (int k = 0; k < vectors; k++) {
        vec bias = w->bias == NULL ? vec_zero() : vec_load(w->bias + c + k * LANES);
        UNROLL
        for (int i = 0; i < windows; i++)
            total[i * vectors + k] = bias;
    }
    /* All but its last row were read for the row of windows before. */
    const element *next = x + (w->rows - 1) * w->x_row + (w->columns - 1) * w->x_column + AHEAD * w->step + c;
    UNROLL
    for (int i = 0; i < windows; i++)
        UNROLL
    for (int k = 0; k < vectors; k++)
        __builtin_prefetch(next + (size_t)i * w->step + k * LANES);
    for (size_t row = 0; row < w->rows; row++) {
        const element *pixel = x + row * w->x_row + c;
        const float *weight = w->w + row * w->w_row + c;
        for (size_t j = 0; j < w->columns; j++, pixel += w->x_column, weight += w->channels) {
            UNROLL
            for (int k = 0; k < vectors; k++) {
                vec factor = vec_load(weight + k * LANES);
                UNROLL
                for (int i = 0; i < windows; i++) {
                    vec value = element_load(pixel + (size_t)i * w->step + k * LANES);
                    if (relu_first) value = vec_relu(value);
                    total[i * vectors + k] = vec_fma(value, factor, total[i * vectors + k]);
                }
            }
        }
    }
    UNROLL
    for (int i = 0; i < windows; i++, y += w->y_pitch) {
        UNROLL
        for (int k = 0; k < vectors; k++) {
            vec sum = total[i * vectors + k];
            if (w->relu) sum = vec_min(vec_broadcast(w->ceiling), vec_relu(sum));
            if (w->stream)
                element_stream(y + c + k * LANES, sum);
            else
                element_store(y + c + k * LANES, sum);
        }
    }
}

/* One channel, where there are fewer than a vector holds. */
INLINE void sum_one(const pdl_depthwise_windows *w, const element *x, element *y, size_t c)
{
    float total = w->bias == NULL ? 0.0f : w->bias[c];
    for (size_t i = 0; i < w->rows; i++)
        for (size_t j = 0; j < w->columns; j++) {
            float value = element_get(x[i * w->x_row + j * w->x_column + c]);
            if (w->relu_first && value < 0.0f) value = 0.0f;
            total += value * w->w[i * w->w_row + j * w->channels + c];
        }
    if (w->relu) total = total < 0.0f ? 0.0f : total > w->ceiling ? w->ceiling : total;
    y[c] = element_make(total);
}

/* `vectors` vectors of channels of `count` windows, from channel c on. */
INLINE void sum_run(const int vectors, const bool relu_first, const pdl_depthwise_windows *w, const element *x,
                    element *y, size_t count, size_t c)
{
    for (; count >= WINDOWS; count -= WINDOWS, x += WINDOWS * w->step, y += WINDOWS * w->y_pitch)
        sum_window(WINDOWS, vectors, relu_first, w, x, y, c);
    for (; count > 0; count--, x += w->step, y += w->y_pitch)
        sum_window(1, vectors, relu_first, w, x, y, c);
}

/* All channels of `count` windows. */
INLINE void sum_channels(const bool relu_first, const pdl_depthwise_windows *w, const element *x, element *y,
                         size_t count)
{
    size_t c = 0;
    for (; c + VECTORS * LANES <= w->channels; c += VECTORS * LANES)
        sum_run(VECTORS, relu_first, w, x, y, count, c);
    for (; c + LANES <= w->channels; c += LANES)
        sum_run(1, relu_first, w, x, y, count, c);
    if (c == w->channels) return;
    if (w->channels >= LANES) { /* the last whole vector, once more some of its channels */
        sum_run(1, relu_first, w, x, y, count, w->channels - LANES);
        return;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t last = c; last < w->channels; last++)
            sum_one(w, x + i * w->step, y + i * w->y_pitch, last);
}

INLINE void sum_windows(const bool relu_first, const pdl_depthwise_windows *w)
{
    const element *x = w->x;
    element *y = w->y;
    for (size_t left = w->count, count; left > 0; left -= count, x += count * w->step, y += count * w->y_pitch) {
        count = left < RUN ? left : RUN;
        sum_channels(relu_first, w, x, y, count);
    }
    if (w->stream) vec_fence();
}

void NAME(const pdl_depthwise_windows *w)
{
    if (w->relu_first)
        sum_windows(true, w);
    else
        sum_windows(false, w);
}
