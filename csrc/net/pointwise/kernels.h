/* The inner loop of 1x1 convolutions, one for each vector extension. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_NET_POINTWISE_KERNELS_H
#define PDL_NET_POINTWISE_KERNELS_H

#include "net/elementwise/kernels.h"
#include "net/simd/simd.h"

#include <stdbool.h>
#include <stddef.h>

/* y[i, :] = f(relu(x[i, :] u + bias + y[i, :])) for a block of pixels and some panels of 2 L outputs each; x, u and y
 * are float32 or bfloat16. */
typedef struct pdl_pointwise_block {
    const void *x;     /* [pixels, channels], x_pitch elements from pixel to pixel */
    const void *u;     /* [panels, channels / P, 2 L, P] as in winograd/kernels.h; outputs beyond the last are zeros */
    const float *bias; /* [outputs] or NULL; whole vectors may be read */
    void *y;           /* [pixels, outputs], y_pitch elements from pixel to pixel */
    size_t pixels, channels, outputs; /* channels: a multiple of 4 */
    size_t x_pitch, y_pitch;
    bool residual, relu;
    float ceiling; /* of the relu: INFINITY where there is none */
    /* Called for results that were just written, `rows` of `count`; NULL: f(y) = y. */
    void (*activate)(const pdl_function *function, const pdl_rows *rows);
    const pdl_function *function;
} pdl_pointwise_block;

typedef void (*pdl_pointwise_kernel)(const pdl_pointwise_block *block);

void pdl_pointwise_portable(const pdl_pointwise_block *block);
void pdl_pointwise_bf16_portable(const pdl_pointwise_block *block);
#ifdef PDL_SIMD_X86
void pdl_pointwise_avx2(const pdl_pointwise_block *block);
void pdl_pointwise_avx512(const pdl_pointwise_block *block);
void pdl_pointwise_bf16_avx2(const pdl_pointwise_block *block);
void pdl_pointwise_bf16_avx512(const pdl_pointwise_block *block);
void pdl_pointwise_bf16_native(const pdl_pointwise_block *block);
#endif

#endif
