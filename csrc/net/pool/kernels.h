/* The inner loop of pooling, one for each vector extension. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_NET_POOL_KERNELS_H
#define PDL_NET_POOL_KERNELS_H

#include "net/simd/simd.h"

#include <stdbool.h>
#include <stddef.h>

/* Windows of rows x columns pixels that are all inside the image, side by side: y[i, c] = max or mean over window i
 * of x[., c], then relu. */
typedef struct pdl_pool_windows {
    const void *x;         /* float32 or bfloat16; the first window's first pixel */
    void *y;               /* the first window's result, [count, channels] */
    size_t count;          /* windows */
    size_t rows, columns;  /* of a window, each at least 1 */
    size_t step;           /* elements from a window's first pixel to the next window's */
    size_t x_row, x_pitch; /* elements from a row to the next, from a pixel to the next */
    size_t y_pitch;
    size_t channels;
    bool mean, relu; /* relu: of means */
} pdl_pool_windows;

typedef void (*pdl_pool_kernel)(const pdl_pool_windows *windows);

void pdl_pool_portable(const pdl_pool_windows *windows);
void pdl_pool_bf16_portable(const pdl_pool_windows *windows);
#ifdef PDL_SIMD_X86
void pdl_pool_avx2(const pdl_pool_windows *windows);
void pdl_pool_avx512(const pdl_pool_windows *windows);
void pdl_pool_bf16_avx2(const pdl_pool_windows *windows);
void pdl_pool_bf16_avx512(const pdl_pool_windows *windows);
#endif

#endif
