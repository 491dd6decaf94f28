/* What the files that turn layers into operations share. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_NET_LOWER_H
#define PDL_NET_LOWER_H

#include "net/program.h"

typedef struct pdl_lowering {
    const pdl_graph *graph;
    const float *const *params;
    pdl_program *program;
    bool *needed;  /* by node */
    int *value_of; /* by node */
    pdl_error *error;
} pdl_lowering;

/* Appends an operation that reads `inputs` and makes a new value of the layer's shape, with `channels`; NULL when there
 * is no memory. The program has room for three operations a layer, and one for each input of a layer. */
pdl_op *pdl_lower_op(pdl_lowering *low, const pdl_layer *layer, pdl_op_kind kind, const int *inputs, size_t count,
                     size_t channels);

/* A layer that is one operation on all its inputs; *value is what it makes. */
pdl_status pdl_lower_plain(pdl_lowering *low, const pdl_layer *layer, pdl_op_kind kind, int *value);

/* The layer's parameter `index`; NULL with the error set when the caller gave none. */
const float *pdl_lower_param(pdl_lowering *low, const pdl_layer *layer, size_t index);
/* Borrows a parameter as op->given; copies the last one into op->shift. */
pdl_status pdl_lower_weight(pdl_lowering *low, const pdl_layer *layer, size_t index, pdl_op *op);
pdl_status pdl_lower_shift(pdl_lowering *low, const pdl_layer *layer, pdl_op *op);
pdl_status pdl_lower_no_memory(pdl_lowering *low, const pdl_layer *layer);

/* lower_elementwise.c */
pdl_status pdl_lower_affine(pdl_lowering *low, const pdl_layer *layer, int x, size_t count, const double *scale,
                            const double *shift, int *value);
pdl_status pdl_lower_scaling(pdl_lowering *low, const pdl_layer *layer, int x, int *value);
pdl_status pdl_lower_merge(pdl_lowering *low, const pdl_layer *layer, int *value);
pdl_status pdl_lower_prelu(pdl_lowering *low, const pdl_layer *layer, int *value);
pdl_status pdl_lower_layer_norm(pdl_lowering *low, const pdl_layer *layer, int *value);

/* lower_shape.c: layers that move values. */
pdl_status pdl_lower_concat(pdl_lowering *low, const pdl_layer *layer, int *value);
pdl_status pdl_lower_rename(pdl_lowering *low, const pdl_layer *layer, int x, int *value);
pdl_status pdl_lower_view(pdl_lowering *low, const pdl_layer *layer, int x, int *value);

#endif
