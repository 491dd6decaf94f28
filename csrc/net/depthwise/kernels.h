/* The inner loop of depthwise convolution, one for each vector extension and precision. SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef PDL_NET_DEPTHWISE_KERNELS_H
#define PDL_NET_DEPTHWISE_KERNELS_H

#include "net/simd/simd.h"

#include <stdbool.h>
#include <stddef.h>

/* Windows of rows x columns pixels side by side, whose rows are all inside the image:
 * y[i, c] = relu(bias[c] + sum over window i of relu(x[., c]) w[., c]), each relu where it is asked for. */
typedef struct pdl_depthwise_windows {
    const void *x;          /* float32 or bfloat16; the first pixel of the image's row that the windows begin in */
    void *y;                /* the first window's result, [count, channels] */
    const float *w;         /* the weights of a window's first row inside the image, [rows, columns, channels] */
    const float *bias;      /* [channels] or NULL */
    size_t count;           /* windows */
    size_t rows, columns;   /* of a window, each at least 1 */
    ptrdiff_t begin;        /* the image's column that the first window begins at */
    size_t width;           /* of the image: columns beyond count for nothing */
    size_t stride;          /* columns from a window to the next */
    size_t dilation;        /* columns from a pixel of a window to the next */
    size_t x_row, x_column; /* elements from a row of a window to the next, from a column of the image to the next */
    size_t w_row;           /* weights from a row of a window to the next */
    size_t y_pitch, channels;
    bool relu_first, relu;
    float ceiling; /* of the relu at the end: INFINITY where there is none */
    bool stream;   /* the map is too large for the caches: write past them; y is aligned, channels fill whole vectors */
} pdl_depthwise_windows;

typedef void (*pdl_depthwise_kernel)(const pdl_depthwise_windows *windows);

void pdl_depthwise_portable(const pdl_depthwise_windows *windows);
void pdl_depthwise_bf16_portable(const pdl_depthwise_windows *windows);
#ifdef PDL_SIMD_X86
void pdl_depthwise_avx2(const pdl_depthwise_windows *windows);
void pdl_depthwise_avx512(const pdl_depthwise_windows *windows);
void pdl_depthwise_bf16_avx2(const pdl_depthwise_windows *windows);
void pdl_depthwise_bf16_avx512(const pdl_depthwise_windows *windows);
#endif

#endif
