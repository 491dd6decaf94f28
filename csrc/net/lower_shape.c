/* Layers that move values -> operations. SPDX-License-Identifier: Apache-2.0
 *
 *     Flatten, Reshape                     a copy that only renames: the memory is the same
 *     Cropping, Permute, RepeatVector,
 *     UpSampling by repeating              a view: where every element of the output comes from
 *     Concatenate along another axis       renames, a concat of channels, a rename:
 *                                          [h, w1, c] + [h, w2, c] = [h, w1 c] + [h, w2 c] = [h, (w1 + w2) c] */
#include "base/status.h"
#include "net/lower.h"

#include <stdlib.h>

/* Another name for the value x, of the layer's shape. */
pdl_status pdl_lower_rename(pdl_lowering *low, const pdl_layer *layer, int x, int *value)
{
    pdl_op *op = pdl_lower_op(low, layer, PDL_OP_COPY, &x, 1, layer->shape[layer->rank - 1]);
    if (op == NULL) return PDL_ENOMEM;
    *value = op->output;
    return PDL_OK;
}

/* ---- views ---- */

/* Elements from one to the next on every axis of the layer's input. */
static void strides_of(const pdl_layer *from, size_t strides[PDL_MAX_RANK])
{
    size_t stride = 1;
    for (size_t i = from->rank; i-- > 0;) {
        strides[i] = stride;
        stride *= from->shape[i];
    }
}

static void add_axis(pdl_view *view, size_t *count, size_t extent, size_t stride)
{
    view->extent[*count] = extent;
    view->stride[(*count)++] = stride;
}

/* Fills the view from its first axis on; returns how many axes it has. */
static size_t describe(const pdl_layer *layer, const pdl_layer *from, pdl_view *view)
{
    size_t strides[PDL_MAX_RANK], count = 0;
    strides_of(from, strides);
    for (size_t i = 0; i < layer->rank; i++) {
        switch (layer->kind) {
        case PDL_KIND_PERMUTE:
            add_axis(view, &count, layer->shape[i], strides[layer->per_axis[i]]);
            break;
        case PDL_KIND_CROP:
            view->first += layer->per_axis[i] * strides[i];
            add_axis(view, &count, layer->shape[i], strides[i]);
            break;
        case PDL_KIND_REPEAT:
            add_axis(view, &count, layer->shape[i], i);
            break;
        default: /* upsample: every pixel some times */
            add_axis(view, &count, from->shape[i], strides[i]);
            if (i + 1 < layer->rank) add_axis(view, &count, layer->per_axis[layer->line ? 1 : i], 0);
        }
    }
    return count;
}

pdl_status pdl_lower_view(pdl_lowering *low, const pdl_layer *layer, int x, int *value)
{
    pdl_op *op = pdl_lower_op(low, layer, PDL_OP_VIEW, &x, 1, layer->shape[layer->rank - 1]);
    if (op == NULL) return PDL_ENOMEM;
    size_t count = describe(layer, pdl_layer_at(low->graph, layer->input[0]), &op->view);
    for (size_t i = PDL_VIEW_RANK; i-- > 0;) { /* the axes that it has are the last ones */
        bool given = i >= PDL_VIEW_RANK - count;
        op->view.extent[i] = given ? op->view.extent[i - (PDL_VIEW_RANK - count)] : 1;
        op->view.stride[i] = given ? op->view.stride[i - (PDL_VIEW_RANK - count)] : 0;
    }
    *value = op->output;
    return PDL_OK;
}

/* ---- concat ---- */

/* Another name for x: `outer` pixels of all that lies behind the layer's axis. */
static pdl_status as_pixels(pdl_lowering *low, const pdl_layer *layer, size_t outer, int *x)
{
    pdl_op *op = pdl_lower_op(low, layer, PDL_OP_COPY, x, 1, 1);
    if (op == NULL) return PDL_ENOMEM;
    pdl_value *values = low->program->values, *pixels = &values[op->output];
    pixels->channels = pdl_value_size(&values[*x]) / outer;
    pixels->height = 1;
    pixels->width = outer;
    *x = op->output;
    return PDL_OK;
}

pdl_status pdl_lower_concat(pdl_lowering *low, const pdl_layer *layer, int *value)
{
    size_t axis = layer->per_axis[0], outer = 1, channels = 0;
    pdl_status status = PDL_OK;
    if (axis + 1 == layer->rank) return pdl_lower_plain(low, layer, PDL_OP_CONCAT, value);
    for (size_t i = 0; i < axis; i++)
        outer *= layer->shape[i];
    int *inputs = calloc(layer->inputs, sizeof *inputs);
    if (inputs == NULL) return pdl_fail_memory(low->error, layer->inputs * sizeof *inputs, layer->name);
    for (size_t i = 0; status == PDL_OK && i < layer->inputs; i++) {
        inputs[i] = low->value_of[layer->input[i]];
        status = as_pixels(low, layer, outer, &inputs[i]);
        if (status == PDL_OK) channels += low->program->values[inputs[i]].channels;
    }
    if (status == PDL_OK) {
        pdl_op *op = pdl_lower_op(low, layer, PDL_OP_CONCAT, inputs, layer->inputs, channels);
        if (op != NULL) {
            low->program->values[op->output].height = 1;
            low->program->values[op->output].width = outer;
            status = pdl_lower_rename(low, layer, op->output, value);
        } else {
            status = PDL_ENOMEM;
        }
    }
    free(inputs);
    return status;
}
