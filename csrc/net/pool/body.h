/* The kernel's one text, compiled once for each vector extension and precision
 * (net/simd/simd.h). SPDX-License-Identifier:
 * Apache-2.0
 *
 * Some vectors of channels of a window at a time: their results stay in registers over all its pixels. */
#include "net/pool/kernels.h"

#define VECTORS 4 /* at a time: 256 neighbouring bytes of a pixel with AVX-512 */

/* `vectors` vectors of channels of one window. */
INLINE void merge(const int vectors, const bool mean, const pdl_pool_windows *w, const element *x, element *y)
{
    vec total[VECTORS];
    UNROLL
    for (int k = 0; k < vectors; k++)
        total[k] = mean ? vec_zero() : element_load(x + k * LANES);
    for (size_t i = 0; i < w->rows; i++) {
        const element *pixel = x + i * w->x_row;
        for (size_t j = 0; j < w->columns; j++, pixel += w->x_pitch) {
            UNROLL
            for (int k = 0; k < vectors; k++) {
                vec value = element_load(pixel + k * LANES);
                total[k] = mean ? vec_add(total[k], value) : vec_max(value, total[k]);
            }
        }
    }
    vec share = vec_broadcast(1.0f / (float)(w->rows * w->columns));
    UNROLL
    for (int k = 0; k < vectors; k++) {
        if (mean) total[k] = vec_mul(total[k], share);
        element_store(y + k * LANES, mean && w->relu ? vec_relu(total[k]) : total[k]);
    }
}

/* One channel, where there are fewer than a vector holds. */
INLINE void merge_one(const bool mean, const pdl_pool_windows *w, const element *x, element *y)
{
    float total = mean ? 0.0f : element_get(x[0]);
    for (size_t i = 0; i < w->rows; i++)
        for (size_t j = 0; j < w->columns; j++) {
            float value = element_get(x[i * w->x_row + j * w->x_pitch]);
            total = mean ? total + value : value > total ? value : total;
        }
    if (mean) total *= 1.0f / (float)(w->rows * w->columns);
    *y = element_make(mean && w->relu && total < 0.0f ? 0.0f : total);
}

INLINE void pool(const bool mean, const pdl_pool_windows *w)
{
    const element *x = w->x;
    element *y = w->y;
    for (size_t i = 0; i < w->count; i++, x += w->step, y += w->y_pitch) {
        size_t c = 0;
        for (; c + VECTORS * LANES <= w->channels; c += VECTORS * LANES)
            merge(VECTORS, mean, w, x + c, y + c);
        for (; c + LANES <= w->channels; c += LANES)
            merge(1, mean, w, x + c, y + c);
        if (c == w->channels) continue;
        if (w->channels >= LANES) { /* the last whole vector, once more some of its channels */
            merge(1, mean, w, x + w->channels - LANES, y + w->channels - LANES);
            continue;
        }
        for (; c < w->channels; c++)
            merge_one(mean, w, x + c, y + c);
    }
}

void NAME(const pdl_pool_windows *w)
{
    if (w->mean)
        pool(true, w);
    else
        pool(false, w);
}
