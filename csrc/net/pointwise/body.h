/* The kernel's one text, compiled once for each vector extension and precision (net/simd/simd.h).
 * SPDX-License-Identifier: Apache-2.0
 *
 * ROWS pixels times one panel: two vectors of sums a pixel stay in registers over all channels. Meanwhile what the next
 * pixels need is brought nearer: a pixel's place in the results is 2 L elements of every y_pitch, which no processor
 * foresees. */
#include "net/pointwise/kernels.h"

#include <string.h>

#define LINE 64    /* bytes of a cache line */
#define POINTERS 5 /* every third pixel has one; the two after it are 1 and 2 pitches away */
#define STEP 4     /* channels of one round of the innermost loop */

/* Read and written after these pixels. */
typedef struct ahead {
    const char *u;    /* weights: half of the next panel, which serves several groups of pixels */
    const element *x; /* the next group of pixels; NULL where it was read for an earlier panel */
    const element *y; /* its results */
} ahead;

/* The share of channels c .. c + STEP - 1. */
INLINE void bring_nearer(const int rows, const int vectors, const pdl_pointwise_block *b, const ahead *a, size_t c)
{
    const int lines = (vectors * LANES * (int)sizeof(element) + LINE - 1) / LINE;
    const int weight_lines = STEP * LANES * (int)sizeof(element) / LINE;
    const size_t elements = LINE / sizeof(element);
    UNROLL
    for (int line = 0; line < weight_lines; line++)
        __builtin_prefetch(a->u + (c / STEP * (size_t)weight_lines + (size_t)line) * LINE, 0, 2);
    if (c < STEP * (size_t)rows) {
        UNROLL
        for (int line = 0; line < lines; line++)
            __builtin_prefetch(a->y + c / STEP * b->y_pitch + (size_t)line * elements, 1, 3);
    }
    if (a->x == NULL || c % elements >= (size_t)rows) return;
    UNROLL
    for (size_t k = 0; k < STEP; k++) /* while a line of channels is worked on, the next pixels' lines of the same */
        __builtin_prefetch(a->x + (c % elements + k) * b->x_pitch + c / elements * elements, 0, 3);
}

INLINE void finish(const pdl_pointwise_block *b, element *y, vec sum)
{
    if (b->residual) sum = vec_add(sum, element_load(y));
    element_store(y, b->relu ? vec_min(vec_broadcast(b->ceiling), vec_relu(sum)) : sum);
}

/* Where fewer outputs are left than a vector holds. */
static __attribute__((noinline)) void finish_part(const pdl_pointwise_block *b, element *y, size_t count,
                                                  const float *sum)
{
    element part[LANES] = {0};
    memcpy(part, y, count * sizeof *y);
    finish(b, part, vec_load(sum));
    memcpy(y, part, count * sizeof *y);
}

/* `rows` pixels from x on, and the outputs from `first` on, of which there are `vectors` vectors. */
INLINE void panel(const int rows, const int vectors, const pdl_pointwise_block *b, const element *x, const element *u,
                  element *y, size_t first, const ahead *next)
{
    const element *pixel[POINTERS];
    vec sum[2 * ROWS];
    UNROLL
    for (int p = 0; p < POINTERS; p++)
        pixel[p] = x + (3 * p < rows ? 3 * (size_t)p : 0) * b->x_pitch;
    UNROLL
    for (int i = 0; i < rows; i++)
        sum[2 * i] = sum[2 * i + 1] = vec_zero();
    for (size_t c = 0; c < b->channels; c += STEP) {
        bring_nearer(rows, vectors, b, next, c);
        UNROLL
        for (size_t channel = 0; channel < STEP; channel += PACK, u += 2 * LANES * PACK) {
            pack left = pack_load(u), right = vectors == 2 ? pack_load(u + LANES * PACK) : left;
            UNROLL
            for (int i = 0; i < rows; i++) {
                pack value = pack_broadcast(pixel[i / 3] + (size_t)(i % 3) * b->x_pitch + c + channel);
                sum[2 * i] = pack_dot(value, left, sum[2 * i]);
                if (vectors == 2) sum[2 * i + 1] = pack_dot(value, right, sum[2 * i + 1]);
            }
        }
    }
    UNROLL
    for (int k = 0; k < vectors; k++, y += LANES) {
        size_t output = first + (size_t)k * LANES, left = b->outputs - output;
        vec bias = b->bias == NULL ? vec_zero() : vec_load(b->bias + output);
        UNROLL
        for (int i = 0; i < rows; i++) {
            vec total = vec_add(sum[2 * i + k], bias);
            if (left >= LANES) {
                finish(b, y + (size_t)i * b->y_pitch, total);
            } else {
                float last[LANES];
                vec_store(last, total);
                finish_part(b, y + (size_t)i * b->y_pitch, left, last);
            }
        }
    }
}

typedef void (*panel_function)(const pdl_pointwise_block *b, const element *x, const element *u, element *y,
                               size_t first, const ahead *next);

#define DEFINE(rows)                                                                                                   \
    static __attribute__((noinline)) void half_##rows(const pdl_pointwise_block *b, const element *x,                  \
                                                      const element *u, element *y, size_t first, const ahead *next)   \
    {                                                                                                                  \
        panel(rows, 1, b, x, u, y, first, next);                                                                       \
    }                                                                                                                  \
    static __attribute__((noinline)) void whole_##rows(const pdl_pointwise_block *b, const element *x,                 \
                                                       const element *u, element *y, size_t first, const ahead *next)  \
    {                                                                                                                  \
        panel(rows, 2, b, x, u, y, first, next);                                                                       \
    }
FOR_EACH_ROWS(DEFINE)

#define HALF(rows) [rows] = half_##rows,
#define WHOLE(rows) [rows] = whole_##rows,

/* By vectors of outputs and by pixels. */
static const panel_function panels[3][ROWS + 1] = {
    [1] = {FOR_EACH_ROWS(HALF)},
    [2] = {FOR_EACH_ROWS(WHOLE)},
};

/* While they are in the nearest cache. */
static void activate_panel(const pdl_pointwise_block *b, element *y, size_t rows, size_t outputs)
{
    pdl_rows panel = {.a = y, .y = y, .a_pitch = b->y_pitch, .y_pitch = b->y_pitch, .rows = rows, .count = outputs};
    b->activate(b->function, &panel);
}

void NAME(const pdl_pointwise_block *b)
{
    size_t groups = (b->pixels + ROWS - 1) / ROWS, size = b->channels * 2 * LANES;
    const element *pixels = b->x, *u = b->u;
    element *results = b->y;
    for (size_t first = 0; first < b->outputs; first += 2 * LANES, u += size) {
        bool last = first + 2 * LANES >= b->outputs;
        const char *weights = (const char *)(last ? b->u : u + size);
        const panel_function *of_rows = panels[first + LANES < b->outputs ? 2 : 1];
        for (size_t g = 0, pixel = 0; g < groups; g++) {
            size_t rows = b->pixels / groups + (g < b->pixels % groups);
            const element *x = pixels + pixel * b->x_pitch;
            element *y = results + pixel * b->y_pitch + first;
            bool end = g + 1 == groups;
            ahead next = {.u = weights + (g & 1) * (size / 2) * sizeof(element), .x = NULL, .y = y};
            if (first == 0 && !end) next.x = x + rows * b->x_pitch;
            if (!end)
                next.y = y + rows * b->y_pitch;
            else if (!last)
                next.y = results + first + 2 * LANES;
            of_rows[rows](b, x, u, y, first, &next);
            if (b->activate != NULL) activate_panel(b, y, rows, last ? b->outputs - first : 2 * LANES);
            pixel += rows;
        }
    }
}
