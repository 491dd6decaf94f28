/* Weights in the layout that oneDNN chose. SPDX-License-Identifier: Apache-2.0
 *
 * A layout depends on the batch size, though seldom. Every layout in use is made once and shared by the batches
 * that want it. The weights as they were given are dropped when the first layout exists, this or that of our own 1x1:
 * any other layout is then made from that one, so that a large network is held once. */
#ifndef PDL_NET_PACKED_H
#define PDL_NET_PACKED_H

#include "net/engine.h"
#include "net/program.h"

typedef struct pdl_packed {
    dnnl_memory_t memory;
    void *data;
    size_t users; /* prepared batches that run on it */
    struct pdl_packed *next;
} pdl_packed;

/* The operation's weights in layout `wanted`, counted as used once more; `given` describes op->weight. */
pdl_status pdl_packed_acquire(const pdl_engine *engine, pdl_op *op, const_dnnl_memory_desc_t given,
                              const_dnnl_memory_desc_t wanted, pdl_packed **out, pdl_error *error);

/* Has op->weight there, and kept from now on, for kernels of ours that read it. */
pdl_status pdl_packed_keep_weight(const pdl_engine *engine, pdl_op *op, const_dnnl_memory_desc_t given,
                                  pdl_error *error);

/* Gives one use back; a layout without users is freed unless it is the only one left. */
void pdl_packed_release(pdl_op *op, pdl_packed *packed);

/* Frees the list. */
void pdl_packed_destroy(pdl_packed *list);

#endif
