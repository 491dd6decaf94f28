/* 1x1 convolutions as matrix products of our own: where oneDNN's cannot write, into a channel slice of a wider map, and
 * where they are faster. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_NET_POINTWISE_H
#define PDL_NET_POINTWISE_H

#include "net/winograd/winograd.h"

/* Whether the operation is a 1x1 convolution with stride 1 of some four channels, in a precision that has kernels. */
bool pdl_pointwise_fits(const pdl_op *op, size_t channels);

/* weights: of tile PDL_TILE_1X1. */
void pdl_pointwise_run(const pdl_tile_weights *weights, const pdl_kernel_call *call);

#endif
