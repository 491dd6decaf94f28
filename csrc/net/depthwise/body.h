/* The kernel's one text, compiled once for each vector extension and precision (net/simd/simd.h).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Some vectors of channels of two windows at a time: their sums stay in registers over all pixels, and each weight is
 * read once for both. The windows of a run follow before the next channels, so that their pixels and weights are still
 * in the nearest cache when the next window reads them. Every window is summed up column by column, by whatever loop.
 */
#include "net/depthwise/kernels.h"

#define VECTORS 4 /* at a time: 256 neighbouring bytes of a pixel with AVX-512 */
#define WINDOWS 2
#define AHEAD 4 /* windows */
#define RUN 32  /* windows */

INLINE vec load_value(const bool relu_first, const element *x)
{
    vec value = element_load(x);
    return relu_first ? vec_relu(value) : value;
}

INLINE void store_sum(const pdl_depthwise_windows *w, element *y, vec sum)
{
    if (w->relu) sum = vec_min(vec_broadcast(w->ceiling), vec_relu(sum));
    if (w->stream)
        element_stream(y, sum);
    else
        element_store(y, sum);
}

/* So many vectors from x on. */
INLINE void bring_nearer(const int vectors, const element *x)
{
    const int line = 64 / (int)sizeof(element);
    UNROLL
    for (int at = 0; at < vectors * LANES; at += line)
        __builtin_prefetch(x + at);
}

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
        bring_nearer(vectors, next + (size_t)i * w->step);
    for (size_t j = 0; j < w->columns; j++) {
        const element *pixel = x + j * w->x_column + c;
        const float *weight = w->w + j * w->channels + c;
        for (size_t row = 0; row < w->rows; row++, pixel += w->x_row, weight += w->w_row) {
            UNROLL
            for (int k = 0; k < vectors; k++) {
                vec factor = vec_load(weight + k * LANES);
                UNROLL
                for (int i = 0; i < windows; i++) {
                    vec value = load_value(relu_first, pixel + (size_t)i * w->step + k * LANES);
                    total[i * vectors + k] = vec_fma(value, factor, total[i * vectors + k]);
                }
            }
        }
    }
    UNROLL
    for (int i = 0; i < windows; i++, y += w->y_pitch) {
        UNROLL
        for (int k = 0; k < vectors; k++)
            store_sum(w, y + c + k * LANES, total[i * vectors + k]);
    }
}

#if LANES == 16 /* others have too few registers */
#define SLIDES 1
#else
#define SLIDES 0
#endif
#define SIDE 3
#define SLIDING 2 /* vectors at a time: so many sums hide the latency of an addition */

/* Windows of 3 x 3 pixels, one pixel apart: the weights stay in registers too, and every column of pixels is read once
 * for the three windows that it is in: totals of the window that it completes and of the two after it. */
INLINE void slide(const int vectors, const bool relu_first, const pdl_depthwise_windows *w, const element *x,
                  element *y, size_t count, size_t c)
{
    vec factor[SIDE * SIDE * SLIDING], total[SIDE * SLIDING], bias[SLIDING];
    UNROLL
    for (int k = 0; k < vectors; k++) {
        UNROLL
        for (size_t i = 0; i < SIDE * SIDE; i++)
            factor[i * SLIDING + k] = vec_load(w->w + i / SIDE * w->w_row + i % SIDE * w->channels + c + k * LANES);
        bias[k] = w->bias == NULL ? vec_zero() : vec_load(w->bias + c + k * LANES);
        total[SLIDING + k] = total[2 * SLIDING + k] = bias[k];
    }
    for (size_t column = 0; column < count + SIDE - 1; column++, x += w->step) {
        const element *pixel = x + c;
        bring_nearer(vectors, pixel + (SIDE - 1) * w->x_row + AHEAD * w->step);
        UNROLL
        for (int k = 0; k < vectors; k++) {
            total[k] = total[SLIDING + k];
            total[SLIDING + k] = total[2 * SLIDING + k];
            total[2 * SLIDING + k] = bias[k];
            UNROLL
            for (size_t row = 0; row < SIDE; row++) {
                vec value = load_value(relu_first, pixel + row * w->x_row + k * LANES);
                UNROLL
                for (size_t i = 0; i < SIDE; i++) {
                    vec *sum = &total[i * SLIDING + k];
                    *sum = vec_fma(value, factor[(row * SIDE + SIDE - 1 - i) * SLIDING + k], *sum);
                }
            }
            if (column >= SIDE - 1) store_sum(w, y + c + k * LANES, total[k]);
        }
        if (column >= SIDE - 1) y += w->y_pitch;
    }
}

/* One channel, where there are fewer than a vector holds. */
INLINE void sum_one(const pdl_depthwise_windows *w, const element *x, element *y, size_t c)
{
    float total = w->bias == NULL ? 0.0f : w->bias[c];
    for (size_t j = 0; j < w->columns; j++)
        for (size_t i = 0; i < w->rows; i++) {
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

/* The same, by whichever loop the windows allow. */
INLINE void sum_vectors(const int vectors, const bool sliding, const bool relu_first, const pdl_depthwise_windows *w,
                        const element *x, element *y, size_t count, size_t c)
{
    if (sliding)
        slide(vectors, relu_first, w, x, y, count, c);
    else
        sum_run(vectors, relu_first, w, x, y, count, c);
}

/* All channels of `count` windows. */
INLINE void sum_channels(const bool sliding, const bool relu_first, const pdl_depthwise_windows *w, const element *x,
                         element *y, size_t count)
{
    const int vectors = sliding ? SLIDING : VECTORS;
    const size_t together = (size_t)vectors * LANES;
    size_t c = 0;
    for (; c + together <= w->channels; c += together)
        sum_vectors(vectors, sliding, relu_first, w, x, y, count, c);
    for (; c + LANES <= w->channels; c += LANES)
        sum_vectors(1, sliding, relu_first, w, x, y, count, c);
    if (c == w->channels) return;
    if (w->channels >= LANES) { /* the last whole vector, once more some of its channels */
        sum_vectors(1, sliding, relu_first, w, x, y, count, w->channels - LANES);
        return;
    }
    for (size_t i = 0; i < count; i++)
        for (size_t last = c; last < w->channels; last++)
            sum_one(w, x + i * w->step, y + i * w->y_pitch, last);
}

INLINE void sum_windows(const bool sliding, const bool relu_first, const pdl_depthwise_windows *w)
{
    const element *x = w->x;
    element *y = w->y;
    for (size_t left = w->count, count; left > 0; left -= count, x += count * w->step, y += count * w->y_pitch) {
        count = left < RUN ? left : RUN;
        sum_channels(sliding, relu_first, w, x, y, count);
    }
    if (w->stream) vec_fence();
}

static __attribute__((noinline)) void apart(const pdl_depthwise_windows *w)
{
    if (w->relu_first)
        sum_windows(false, true, w);
    else
        sum_windows(false, false, w);
}

static __attribute__((noinline, unused)) void sliding(const pdl_depthwise_windows *w)
{
    if (w->relu_first)
        sum_windows(true, true, w);
    else
        sum_windows(true, false, w);
}

void NAME(const pdl_depthwise_windows *w)
{
    if (SLIDES && w->rows == SIDE && w->columns == SIDE && w->step == w->x_column && w->count > 1)
        sliding(w);
    else
        apart(w);
}
