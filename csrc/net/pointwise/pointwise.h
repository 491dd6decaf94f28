/* 1x1 convolutions as matrix products of our own: where oneDNN's cannot write, into a channel slice of a wider map, and
 * where they are faster. SPDX-License-Identifier: Apache-2.0
 *
 * What is before it can be done on the way: a depthwise convolution, an affine of what has other readers, the product
 * with one factor a channel of squeeze-and-excitation. A thread computes a block of its pixels into working memory,
 * which stays in the thread's L2 cache while the convolution's product reads it. */
#ifndef PDL_NET_POINTWISE_H
#define PDL_NET_POINTWISE_H

#include "net/winograd/winograd.h"

/* How a 1x1 convolution of a batch is run. */
typedef struct pdl_pointwise {
    const pdl_op *before;   /* is done on the way; NULL: the input is there */
    const pdl_map *factors; /* of a product before: [batch, 1, 1, channels] */
    size_t blocks;          /* of pixels, */
    size_t parts;           /* times parts of the outputs: the tasks */
    size_t pitch, share;    /* of a thread's block of the pixels of what is before: elements, bytes */
    size_t scratch;         /* bytes, for all threads */
} pdl_pointwise;

/* Whether the operation is a 1x1 convolution with stride 1 of some four channels, in a precision that has kernels. */
bool pdl_pointwise_fits(const pdl_op *op, size_t channels);

/* How to run it on maps of these shapes, by `threads` threads. */
void pdl_pointwise_plan(pdl_pointwise *plan, const pdl_op *before, const pdl_map *in, const pdl_map *out,
                        size_t threads, pdl_simd simd);

/* weights: of tile PDL_TILE_1X1; call: its input is that of what is before, if anything; scratch: plan->scratch bytes,
 * aligned to 64. */
void pdl_pointwise_run(const pdl_pointwise *plan, const pdl_tile_weights *weights, const pdl_kernel_call *call,
                       void *scratch);

/* The convolution of some pixels by the calling thread: x [pixels, weights->channels], y [pixels, weights->outputs]. */
void pdl_pointwise_pixels(const pdl_op *op, const pdl_tile_weights *weights, const void *x, size_t x_pitch,
                          size_t pixels, void *y, size_t y_pitch);

#endif
