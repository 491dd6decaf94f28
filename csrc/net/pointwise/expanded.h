/* A 1x1 convolution and the depthwise convolution after it, row by row: the expanded rows of an inverted residual (M.
 * Sandler et al., "MobileNetV2", 2018), several times the input's, never go to memory. SPDX-License-Identifier:
 * Apache-2.0
 *
 *     input rows ──1x1──► a few expanded rows in the thread's L2 cache ──depthwise──► output rows
 *                              ▲ the last ones stay for the next windows */
#ifndef PDL_NET_EXPANDED_H
#define PDL_NET_EXPANDED_H

#include "net/winograd/winograd.h"

typedef struct pdl_expanded {
    const pdl_op *conv;
    size_t bands;                 /* of an image's output rows: the tasks */
    size_t rows, held;            /* output rows at a time; expanded rows that they need at most */
    size_t pitch, share, scratch; /* of a thread's expanded rows: elements, bytes; bytes for all threads */
} pdl_expanded;

/* depthwise: reads what conv makes of `in`; the rows of its windows have no gaps. */
void pdl_expanded_plan(pdl_expanded *plan, const pdl_op *conv, const pdl_op *depthwise, const pdl_map *in,
                       const pdl_map *out, size_t threads);

/* weights: conv's, of tile PDL_TILE_1X1; call: of the depthwise, its input is conv's; scratch: aligned to 64. */
void pdl_expanded_run(const pdl_expanded *plan, const pdl_tile_weights *weights, const pdl_kernel_call *call,
                      void *scratch);

#endif
