/* Our own kernels: what oneDNN lacks or does slowly on NHWC maps. SPDX-License-Identifier: Apache-2.0
 *
 * They run on the engine's thread and share the work among its OpenMP team. Every element is computed by one
 * thread in one order, so results do not depend on the number of threads. */
#ifndef PDL_NET_KERNELS_H
#define PDL_NET_KERNELS_H

#include "net/precision.h"
#include "net/program.h"
#include "net/simd/simd.h"

/* Compiles a function for several instruction sets and chooses at load time. */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define PDL_VECTOR_CLONES __attribute__((noinline, target_clones("avx512f", "avx2", "default")))
#else
#define PDL_VECTOR_CLONES
#endif

/* A batch of feature maps [batch, height, width, channels]; pixel i is at data + i * pitch. */
typedef struct pdl_map {
    void *data; /* float or pdl_bf16, as precision says */
    pdl_precision precision;
    size_t pitch; /* elements */
    size_t batch, height, width, channels;
} pdl_map;

/* Element `at` of the map, counted from its first. */
static inline void *pdl_map_at(const pdl_map *map, size_t at)
{
    return (char *)map->data + at * pdl_element_size(map->precision);
}

/* Of all images. */
static inline size_t pdl_map_pixels(const pdl_map *map)
{
    return map->batch * map->height * map->width;
}

/* Kernels that compute on rows of floats get them so, PDL_ROW elements of one pixel at most:
 *
 *     x = pdl_row_read(in, at, count, room);    the map's own memory, or bfloat16 widened into the room
 *     y = pdl_row_room(out, at, room);          where to write floats: the map's memory, or the room
 *     pdl_row_write(out, at, count, y);         rounds the room's floats to bfloat16 */
#define PDL_ROW 1024

static inline const float *pdl_row_read(const pdl_map *map, size_t at, size_t count, float room[PDL_ROW])
{
    if (map->precision == PDL_PRECISION_FLOAT32) return (const float *)map->data + at;
    pdl_bf16_widen_run((const pdl_bf16 *)map->data + at, count, room);
    return room;
}

static inline float *pdl_row_room(const pdl_map *map, size_t at, float room[PDL_ROW])
{
    return map->precision == PDL_PRECISION_FLOAT32 ? (float *)map->data + at : room;
}

static inline void pdl_row_write(const pdl_map *map, size_t at, size_t count, const float *y)
{
    if (map->precision != PDL_PRECISION_FLOAT32) pdl_bf16_round_run(y, count, (pdl_bf16 *)map->data + at);
}

typedef struct pdl_kernel_call {
    const pdl_op *op;
    const pdl_map *input; /* [op->inputs] */
    pdl_map output;
    pdl_simd simd; /* of the kernels that there are several of */
} pdl_kernel_call;

typedef void (*pdl_kernel)(const pdl_kernel_call *call);

void pdl_kernel_conv(const pdl_kernel_call *call); /* reads op->weight, as do the next two */
void pdl_kernel_deconv(const pdl_kernel_call *call);
void pdl_kernel_depthwise(const pdl_kernel_call *call);
void pdl_kernel_max_pool(const pdl_kernel_call *call);
void pdl_kernel_avg_pool(const pdl_kernel_call *call);
void pdl_kernel_global_max(const pdl_kernel_call *call);
void pdl_kernel_global_avg(const pdl_kernel_call *call);
void pdl_kernel_affine(const pdl_kernel_call *call); /* in place when input and output are one */
void pdl_kernel_add(const pdl_kernel_call *call);    /* the first input may be the output */
void pdl_kernel_concat(const pdl_kernel_call *call); /* inputs that are slices already are left alone */
void pdl_kernel_pad(const pdl_kernel_call *call);
void pdl_kernel_softmax(const pdl_kernel_call *call);
void pdl_kernel_merge(const pdl_kernel_call *call); /* the first input may be the output, where it has its shape */
void pdl_kernel_prelu(const pdl_kernel_call *call); /* in place, as is the next, when input and output are one */
void pdl_kernel_layer_norm(const pdl_kernel_call *call);
void pdl_kernel_copy(const pdl_kernel_call *call);
void pdl_kernel_view(const pdl_kernel_call *call);
void pdl_kernel_resize(const pdl_kernel_call *call);

/* y = max(0, x), one after the other; y may be x. */
void pdl_clip(float *y, const float *x, size_t channels);

/* What ends the operation, its relu or its function, on `rows` rows of the map that a kernel has just written; on a row
 * of floats. */
void pdl_finish_rows(const pdl_kernel_call *call, void *y, size_t pitch, size_t rows, size_t count);
void pdl_finish_row(const pdl_kernel_call *call, float *y, size_t count);

/* y = function(x) for the whole map; y may be x. */
void pdl_activate_map(pdl_simd simd, const pdl_function *function, const pdl_map *in, const pdl_map *out);

/* uint8 BGR [pixels, 3] -> [pixels, 3] of that precision as the network takes it. */
void pdl_preprocess_pixels(pdl_preprocess how, const uint8_t *images, size_t pixels, pdl_precision precision,
                           void *out);

/* The range of a window's elements that are inside the image, on one axis, for output position `at`: elements
 * [*begin, *end) of the window; the first one is at *start in the image. */
static inline void pdl_window_range(const pdl_window *window, int axis, size_t at, size_t extent, size_t *begin,
                                    size_t *end, size_t *start)
{
    size_t dilation = window->dilation[axis], before = window->before[axis], kernel = window->kernel[axis];
    size_t origin = at * window->stride[axis]; /* of the window, moved by `before` */
    *begin = origin >= before ? 0 : (before - origin + dilation - 1) / dilation;
    size_t limit = extent + before; /* positions below it are inside */
    *end = origin >= limit ? 0 : (limit - origin + dilation - 1) / dilation;
    if (*end > kernel) *end = kernel;
    if (*begin > *end) *begin = *end;
    *start = origin + *begin * dilation - before;
}

/* How many windows of a row are alike from output `column` on: as many of their pixels are inside the image, and their
 * first ones are one stride apart. Those that hang over an edge count one by one. */
static inline size_t pdl_windows_alike(const pdl_window *window, size_t column, size_t columns, size_t extent)
{
    size_t reach = (window->kernel[1] - 1) * window->dilation[1], origin = column * window->stride[1];
    size_t limit = extent + window->before[1]; /* as in pdl_window_range */
    if (origin < window->before[1] || origin + reach >= limit) return 1;
    size_t last = (limit - reach - 1) / window->stride[1]; /* the last one that is whole */
    return (last < columns ? last + 1 : columns) - column;
}

#endif
