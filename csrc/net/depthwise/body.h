/* The kernel's one text, compiled once for each vector extension and precision (net/simd/simd.h).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Square windows of 3, 5 or 7 pixels, one or two pixels apart, are summed up in strips: the sums of some windows and a
 * row of weights stay in registers, and every pixel is read once for all the windows that it is in:
 *
 *     pixels of a row    0   1   2   3   4   5   6   7   8      3 weights, stride 1
 *     window 0           └───────┘
 *     window 1               └───────┘
 *     ...
 *     window 6                                   └───────┘
 *
 * Others, and channels that fill no vector, go window by window. Every window is summed up row by row, by whatever
 * loop. The windows of a run follow before the next channels, so that their pixels and weights are still in the nearest
 * cache when the next window reads them. */
#include "net/depthwise/kernels.h"

#define STRIP 7 /* windows: maps of 7, 14, 28, 56 and 112 columns are whole strips */
#define RUN (4 * STRIP)
#define VECTORS 4 /* at a time, window by window: 256 neighbouring bytes of a pixel with AVX-512 */
#if LANES == 16
#define STRIP_VECTORS 2 /* at a time: so many sums hide the latency of an addition */
#else
#define STRIP_VECTORS 1 /* half as many registers */
#endif

/* As UNROLL, for a strip's 19 pixels of 7 x 7 windows. */
#ifdef __SANITIZE_ADDRESS__
#define UNROLL_STRIP
#else
#define UNROLL_STRIP _Pragma("GCC unroll 19")
#endif

/* Windows from number `first` on. */
typedef struct part {
    size_t first, count;
} part;

INLINE vec before(const bool relu_first, vec value)
{
    return relu_first ? vec_relu(value) : value;
}

INLINE vec after(const pdl_depthwise_windows *w, vec sum)
{
    return w->relu ? vec_min(vec_broadcast(w->ceiling), vec_relu(sum)) : sum;
}

INLINE void store_sum(const pdl_depthwise_windows *w, element *y, vec sum)
{
    if (w->stream)
        element_stream(y, after(w, sum));
    else
        element_store(y, after(w, sum));
}

/* ---- strips ---- */

/* The next strip's pixels of the last row: those above were read for the row of windows before. */
INLINE void bring_nearer(const int vectors, const int stride, const pdl_depthwise_windows *w, const element *row,
                         ptrdiff_t column)
{
    const int line = 64 / (int)sizeof(element);
    UNROLL_STRIP
    for (ptrdiff_t j = 0; j < (ptrdiff_t)STRIP * stride; j++) {
        if ((size_t)(column + j) >= w->width) continue;
        UNROLL
        for (int at = 0; at < vectors * LANES; at += line)
            __builtin_prefetch(row + (size_t)(column + j) * w->x_column + at);
    }
}

/* At most STRIP windows, `vectors` vectors of channels of each, from channel c on. */
INLINE void sum_strip(const int side, const int stride, const int vectors, const bool relu_first,
                      const pdl_depthwise_windows *w, part windows, size_t c)
{
    vec total[STRIP * STRIP_VECTORS], factor[STRIP * STRIP_VECTORS];
    ptrdiff_t column = w->begin + (ptrdiff_t)windows.first * stride;
    const element *x = (const element *)w->x + c;
    const float *weight = w->w + c;
    UNROLL
    for (int k = 0; k < vectors; k++) {
        vec bias = w->bias == NULL ? vec_zero() : vec_load(w->bias + c + k * LANES);
        UNROLL
        for (int i = 0; i < STRIP; i++)
            total[i * vectors + k] = bias;
    }
    bring_nearer(vectors, stride, w, x + (w->rows - 1) * w->x_row, column + STRIP * stride);
    for (size_t row = 0; row < w->rows; row++, x += w->x_row, weight += w->w_row) {
        UNROLL
        for (int i = 0; i < side; i++) {
            UNROLL
            for (int k = 0; k < vectors; k++)
                factor[i * vectors + k] = vec_load(weight + (size_t)i * w->channels + k * LANES);
        }
        UNROLL_STRIP
        for (int j = 0; j < (STRIP - 1) * stride + side; j++) {
            if ((size_t)(column + j) >= w->width) continue; /* also to the left of the image */
            const element *pixel = x + (size_t)(column + j) * w->x_column;
            UNROLL
            for (int k = 0; k < vectors; k++) {
                vec value = before(relu_first, element_load(pixel + k * LANES));
                UNROLL
                for (int i = 0; i < STRIP; i++) {
                    const int tap = j - i * stride;
                    if (tap < 0 || tap >= side) continue;
                    total[i * vectors + k] = vec_fma(value, factor[tap * vectors + k], total[i * vectors + k]);
                }
            }
        }
    }
    element *y = (element *)w->y + windows.first * w->y_pitch + c;
    UNROLL
    for (int i = 0; i < STRIP; i++, y += w->y_pitch) {
        if ((size_t)i == windows.count) break;
        UNROLL
        for (int k = 0; k < vectors; k++)
            store_sum(w, y + k * LANES, total[i * vectors + k]);
    }
}

#define DEFINE(name, side, stride, vectors, relu_first)                                                                \
    static __attribute__((noinline)) void name(const pdl_depthwise_windows *w, part windows, size_t c)                 \
    {                                                                                                                  \
        sum_strip(side, stride, vectors, relu_first, w, windows, c);                                                   \
    }
#define DEFINE_VECTORS(side, stride, vectors)                                                                          \
    DEFINE(strip_##side##_##stride##_##vectors, side, stride, vectors, false)                                          \
    DEFINE(relu_strip_##side##_##stride##_##vectors, side, stride, vectors, true)
#if STRIP_VECTORS == 2
#define DEFINE_STRIP(side, stride) DEFINE_VECTORS(side, stride, 1) DEFINE_VECTORS(side, stride, 2)
#define MANY(side, stride) {strip_##side##_##stride##_2, relu_strip_##side##_##stride##_2}
#else
#define DEFINE_STRIP(side, stride) DEFINE_VECTORS(side, stride, 1)
#define MANY(side, stride) {NULL, NULL}
#endif
#define ONE(side, stride) {strip_##side##_##stride##_1, relu_strip_##side##_##stride##_1}
DEFINE_STRIP(3, 1)
DEFINE_STRIP(3, 2)
DEFINE_STRIP(5, 1)
DEFINE_STRIP(5, 2)
DEFINE_STRIP(7, 1)
DEFINE_STRIP(7, 2)

typedef void (*strip_function)(const pdl_depthwise_windows *w, part windows, size_t c);

/* By the windows' side and stride, by vectors (one, several), without and with a relu before. */
static const strip_function strips[3][2][2][2] = {
    {{ONE(3, 1), MANY(3, 1)}, {ONE(3, 2), MANY(3, 2)}},
    {{ONE(5, 1), MANY(5, 1)}, {ONE(5, 2), MANY(5, 2)}},
    {{ONE(7, 1), MANY(7, 1)}, {ONE(7, 2), MANY(7, 2)}},
};

static bool in_strips(const pdl_depthwise_windows *w)
{
    bool side = w->columns == 3 || w->columns == 5 || w->columns == 7;
    return side && w->dilation == 1 && w->stride <= 2 && w->channels >= LANES && w->count > 1;
}

static void sum_strips(const pdl_depthwise_windows *w, part run)
{
    const strip_function(*found)[2] = strips[w->columns / 2 - 1][w->stride - 1];
    size_t end = run.first + run.count, step;
    for (size_t c = 0; c < w->channels; c += step) {
        bool many = STRIP_VECTORS > 1 && c + STRIP_VECTORS * LANES <= w->channels;
        step = many ? STRIP_VECTORS * LANES : LANES;
        size_t at = c + step <= w->channels ? c : w->channels - LANES; /* the last whole vector, in part once more */
        part windows = run;
        for (; windows.first < end; windows.first += STRIP) {
            windows.count = end - windows.first < STRIP ? end - windows.first : STRIP;
            found[many][w->relu_first](w, windows, at);
        }
    }
}

/* ---- window by window ---- */

/* `vectors` vectors of channels of one window, from channel c on; or fewer channels than a vector holds, `left`. */
INLINE void sum_window(const int vectors, const bool whole, const bool relu_first, const pdl_depthwise_windows *w,
                       size_t window, size_t c, size_t left)
{
    ptrdiff_t column = w->begin + (ptrdiff_t)(window * w->stride), dilation = (ptrdiff_t)w->dilation;
    size_t first = column < 0 ? (size_t)((-column + dilation - 1) / dilation) : 0;
    const element *x = (const element *)w->x + c;
    const float *weight = w->w + c;
    vec total[VECTORS];
    UNROLL
    for (int k = 0; k < vectors; k++)
        total[k] = w->bias == NULL ? vec_zero()
                   : whole         ? vec_load(w->bias + c + k * LANES)
                                   : vec_load_part(w->bias + c, left);
    for (size_t row = 0; row < w->rows; row++, x += w->x_row, weight += w->w_row)
        for (size_t j = first; j < w->columns; j++) {
            size_t at = (size_t)(column + (ptrdiff_t)j * dilation);
            if (at >= w->width) break;
            const element *pixel = x + at * w->x_column;
            const float *tap = weight + j * w->channels;
            UNROLL
            for (int k = 0; k < vectors; k++) {
                vec value = whole ? element_load(pixel + k * LANES) : element_load_part(pixel, left);
                vec factor = whole ? vec_load(tap + k * LANES) : vec_load_part(tap, left);
                total[k] = vec_fma(before(relu_first, value), factor, total[k]);
            }
        }
    element *y = (element *)w->y + window * w->y_pitch + c;
    UNROLL
    for (int k = 0; k < vectors; k++)
        if (whole)
            store_sum(w, y + k * LANES, total[k]);
        else
            element_store_part(y, left, after(w, total[k]));
}

/* All channels of the windows of a run. */
INLINE void sum_run(const bool relu_first, const pdl_depthwise_windows *w, part run)
{
    size_t c = 0, end = run.first + run.count;
    for (; c + VECTORS * LANES <= w->channels; c += VECTORS * LANES)
        for (size_t i = run.first; i < end; i++)
            sum_window(VECTORS, true, relu_first, w, i, c, 0);
    for (; c + LANES <= w->channels; c += LANES)
        for (size_t i = run.first; i < end; i++)
            sum_window(1, true, relu_first, w, i, c, 0);
    for (size_t i = run.first; c < w->channels && i < end; i++)
        sum_window(1, false, relu_first, w, i, c, w->channels - c);
}

static __attribute__((noinline)) void sum_windows(const pdl_depthwise_windows *w, part run)
{
    if (w->relu_first)
        sum_run(true, w, run);
    else
        sum_run(false, w, run);
}

void NAME(const pdl_depthwise_windows *w)
{
    bool strip = in_strips(w);
    for (part run = {0, 0}; run.first < w->count; run.first += RUN) {
        run.count = w->count - run.first < RUN ? w->count - run.first : RUN;
        if (strip)
            sum_strips(w, run);
        else
            sum_windows(w, run);
    }
    if (w->stream) vec_fence();
}
