/* Depthwise convolution by parts, for what reads its results at once. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_NET_DEPTHWISE_H
#define PDL_NET_DEPTHWISE_H

#include "net/kernels.h"

/* A depthwise operation of one output a channel, and where its results go. */
typedef struct pdl_depthwise {
    const pdl_op *op;
    const pdl_map *in;
    size_t first_row;     /* of the only image, that `in` begins with; 0 for a whole batch */
    size_t height, width; /* of its output */
    size_t pitch;         /* elements from a result to the next */
    pdl_simd simd;
    bool stream; /* write past the caches */
} pdl_depthwise;

/* Output pixels first .. last - 1 of the whole batch, to y[0], y[pitch], ... */
void pdl_depthwise_pixels(const pdl_depthwise *depthwise, size_t first, size_t last, void *y);

#endif
