/* The kernel's one text, compiled once for each vector extension and precision (net/simd/simd.h).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Some vectors of channels of a window at a time: their sums stay in registers over all its pixels. The weights stay in
 * the nearest cache; what takes the time is the way of the map to and from memory. */
#include "net/depthwise/kernels.h"

#define VECTORS 4 /* at a time: 256 neighbouring bytes of a pixel with AVX-512 */

/* `vectors` vectors of channels of one window, from channel c on. */
INLINE void sum_window(const int vectors, const bool relu_first, const pdl_depthwise_windows *w, const element *x,
                       element *y, size_t c)
{
    vec total[VECTORS];
    UNROLL
    for (int k = 0; k < vectors; k++)
        total[k] = w->bias == NULL ? vec_zero() : vec_load(w->bias + c + k * LANES);
    for (size_t i = 0; i < w->rows; i++) {
        const element *pixel = x + i * w->x_row + c;
        const float *weight = w->w + i * w->w_row + c;
        for (size_t j = 0; j < w->columns; j++, pixel += w->x_column, weight += w->channels) {
            UNROLL
            for (int k = 0; k < vectors; k++) {
                vec value = element_load(pixel + k * LANES);
                if (relu_first) value = vec_relu(value);
                total[k] = vec_fma(value, vec_load(weight + k * LANES), total[k]);
            }
        }
    }
    UNROLL
    for (int k = 0; k < vectors; k++) {
        if (w->relu) total[k] = vec_relu(total[k]);
        if (w->stream)
            element_stream(y + c + k * LANES, total[k]);
        else
            element_store(y + c + k * LANES, total[k]);
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
    y[c] = element_make(w->relu && total < 0.0f ? 0.0f : total);
}

INLINE void sum_windows(const bool relu_first, const pdl_depthwise_windows *w)
{
    const element *x = w->x;
    element *y = w->y;
    for (size_t i = 0; i < w->count; i++, x += w->step, y += w->y_pitch) {
        size_t c = 0;
        for (; c + VECTORS * LANES <= w->channels; c += VECTORS * LANES)
            sum_window(VECTORS, relu_first, w, x, y, c);
        for (; c + LANES <= w->channels; c += LANES)
            sum_window(1, relu_first, w, x, y, c);
        if (c == w->channels) continue;
        if (w->channels >= LANES) { /* the last whole vector, once more some of its channels */
            sum_window(1, relu_first, w, x, y, w->channels - LANES);
            continue;
        }
        for (; c < w->channels; c++)
            sum_one(w, x, y, c);
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
