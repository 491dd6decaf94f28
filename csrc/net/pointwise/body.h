/* The kernel's one text, compiled once for each vector extension (net/simd/simd.h). SPDX-License-Identifier:
 * Apache-2.0
 *
 * ROWS pixels times one panel: two vectors of sums a pixel stay in registers over all channels. */
#include "net/pointwise/kernels.h"

#define LINE 64    /* bytes of a cache line */
#define POINTERS 5 /* every third pixel has one; the two after it are 1 and 2 pitches away */
#define AHEAD_LINES (2 * LANES * (int)sizeof(float) / LINE) /* of the weights of one channel */

INLINE void finish(const pdl_pointwise_block *b, float *y, const float *bias, vec sum)
{
    if (bias != NULL) sum = vec_add(sum, vec_load(bias));
    if (b->residual) sum = vec_add(sum, vec_load(y));
    vec_store(y, b->relu ? vec_relu(sum) : sum);
}

/* `rows` pixels from x on, and the outputs from `first` on; ahead: weights that are read soon. */
INLINE void panel(const int rows, const pdl_pointwise_block *b, const float *x, const float *u, float *y, size_t first,
                  const char *ahead)
{
    const float *pixel[POINTERS];
    vec left[ROWS], right[ROWS];
    UNROLL
    for (int p = 0; p < POINTERS; p++)
        pixel[p] = x + (3 * p < rows ? 3 * (size_t)p : 0) * b->x_pitch;
    UNROLL
    for (int i = 0; i < rows; i++)
        left[i] = right[i] = vec_zero();
    for (size_t c = 0; c < b->channels; c += 4) {
        UNROLL
        for (int line = 0; line < 4 * AHEAD_LINES / 2; line++) /* a panel serves several groups of pixels */
            __builtin_prefetch(ahead + (c * AHEAD_LINES / 2 + (size_t)line) * LINE, 0, 2);
        UNROLL
        for (size_t channel = 0; channel < 4; channel++, u += 2 * LANES) {
            vec one = vec_load(u), two = vec_load(u + LANES);
            UNROLL
            for (int i = 0; i < rows; i++) {
                vec value = vec_broadcast(pixel[i / 3][(size_t)(i % 3) * b->x_pitch + c + channel]);
                left[i] = vec_fma(value, one, left[i]);
                right[i] = vec_fma(value, two, right[i]);
            }
        }
    }
    const float *bias = b->bias == NULL ? NULL : b->bias + first;
    bool both = first + LANES < b->outputs;
    UNROLL
    for (int i = 0; i < rows; i++) {
        finish(b, y + (size_t)i * b->y_pitch, bias, left[i]);
        if (both) finish(b, y + (size_t)i * b->y_pitch + LANES, bias == NULL ? NULL : bias + LANES, right[i]);
    }
}

typedef void (*panel_function)(const pdl_pointwise_block *b, const float *x, const float *u, float *y, size_t first,
                               const char *ahead);

#define PANEL(rows)                                                                                                    \
    static __attribute__((noinline)) void panel_##rows(const pdl_pointwise_block *b, const float *x, const float *u,   \
                                                       float *y, size_t first, const char *ahead)                      \
    {                                                                                                                  \
        panel(rows, b, x, u, y, first, ahead);                                                                         \
    }
PANEL(1)
PANEL(2)
PANEL(3)
PANEL(4)
PANEL(5)
PANEL(6)
#if ROWS > 6
PANEL(7)
PANEL(8)
PANEL(9)
PANEL(10)
PANEL(11)
PANEL(12)
PANEL(13)
PANEL(14)
#endif

static const panel_function panels[ROWS + 1] = {
    NULL,    panel_1, panel_2, panel_3,  panel_4,  panel_5,  panel_6,
#if ROWS > 6
    panel_7, panel_8, panel_9, panel_10, panel_11, panel_12, panel_13, panel_14,
#endif
};

void NAME(const pdl_pointwise_block *b)
{
    size_t groups = (b->pixels + ROWS - 1) / ROWS, size = b->channels * 2 * LANES;
    const float *u = b->u;
    for (size_t first = 0; first < b->outputs; first += 2 * LANES, u += size) {
        const char *next = (const char *)(first + 2 * LANES < b->outputs ? u + size : b->u);
        for (size_t g = 0, pixel = 0; g < groups; g++) {
            size_t rows = b->pixels / groups + (g < b->pixels % groups);
            /* the first two groups bring the next panel nearer, half of it each */
            const char *ahead = next + (g & 1) * (size / 2) * sizeof(float);
            panels[rows](b, b->x + pixel * b->x_pitch, u, b->y + pixel * b->y_pitch + first, first, ahead);
            pixel += rows;
        }
    }
}
