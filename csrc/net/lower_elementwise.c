/* Layers that work element by element, as operations. SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"
#include "net/lower.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* An affine of constants: value i of scale and shift is at i modulo their count. */
pdl_status pdl_lower_affine(pdl_lowering *low, const pdl_layer *layer, int x, size_t count, const double *scale,
                            const double *shift, int *value)
{
    size_t channels = low->program->values[x].channels;
    pdl_op *op = pdl_lower_op(low, layer, PDL_OP_AFFINE, &x, 1, channels);
    if (op == NULL) return PDL_ENOMEM;
    op->scale = pdl_alloc(channels, sizeof *op->scale);
    if (shift != NULL) op->shift = pdl_alloc(channels, sizeof *op->shift);
    if (op->scale == NULL || (shift != NULL && op->shift == NULL)) return pdl_lower_no_memory(low, layer);
    for (size_t i = 0; i < channels; i++) {
        op->scale[i] = scale[count == 1 ? 0 : i];
        if (shift != NULL) op->shift[i] = shift[count == 1 ? 0 : i];
    }
    *value = op->output;
    return PDL_OK;
}

/* (x - mean) / max(sqrt(variance), 1e-7) and its inverse. */
static void fill_normalization(const pdl_layer *layer, const float *mean, const float *variance, double *scale,
                               double *shift)
{
    for (size_t i = 0; i < pdl_layer_channels(layer); i++) {
        double spread = fmax(sqrt((double)variance[i]), 1e-7);
        scale[i] = layer->invert ? spread : 1.0 / spread;
        shift[i] = layer->invert ? mean[i] : -mean[i] / spread;
    }
}

/* gamma x + beta; NULL for what the layer has not. */
static void fill_scale(const pdl_layer *layer, const float *gamma, const float *beta, double *scale, double *shift)
{
    for (size_t i = 0; i < pdl_layer_channels(layer); i++) {
        scale[i] = gamma != NULL ? gamma[i] : 1.0;
        shift[i] = beta != NULL ? beta[i] : 0.0;
    }
}

/* An affine by the layer's parameters. */
pdl_status pdl_lower_scaling(pdl_lowering *low, const pdl_layer *layer, int x, int *value)
{
    size_t channels = pdl_layer_channels(layer);
    const float *array[PDL_MAX_PARAMS] = {NULL};
    for (size_t i = 0; i < layer->params; i++)
        if ((array[i] = pdl_lower_param(low, layer, i)) == NULL) return PDL_ESHAPE;
    double *scale = calloc(2 * channels, sizeof *scale), *shift = scale + channels;
    if (scale == NULL) return pdl_lower_no_memory(low, layer);
    if (layer->kind == PDL_KIND_NORMALIZATION)
        fill_normalization(layer, array[0], array[1], scale, shift);
    else
        fill_scale(layer, layer->scale ? array[0] : NULL, layer->center ? array[layer->scale] : NULL, scale, shift);
    bool shifts = layer->kind == PDL_KIND_NORMALIZATION || layer->center;
    pdl_status status = pdl_lower_affine(low, layer, x, channels, scale, shifts ? shift : NULL, value);
    free(scale);
    return status;
}

pdl_status pdl_lower_merge(pdl_lowering *low, const pdl_layer *layer, int *value)
{
    bool alike = true;
    for (size_t i = 0; i < layer->inputs; i++) {
        const pdl_layer *from = pdl_layer_at(low->graph, layer->input[i]);
        alike = alike && from->rank == layer->rank && memcmp(from->shape, layer->shape, sizeof from->shape) == 0;
    }
    bool sums = layer->merge == PDL_MERGE_ADD || layer->merge == PDL_MERGE_AVERAGE;
    pdl_status status = pdl_lower_plain(low, layer, alike && sums ? PDL_OP_ADD : PDL_OP_MERGE, value);
    double share = 1.0 / (double)layer->inputs;
    if (status != PDL_OK || layer->merge != PDL_MERGE_AVERAGE) return status;
    return pdl_lower_affine(low, layer, *value, 1, &share, NULL, value);
}

pdl_status pdl_lower_prelu(pdl_lowering *low, const pdl_layer *layer, int *value)
{
    pdl_status status = pdl_lower_plain(low, layer, PDL_OP_PRELU, value);
    if (status != PDL_OK) return status;
    pdl_op *op = &low->program->ops[low->program->op_count - 1];
    size_t rank = layer->rank;
    op->merge = PDL_MERGES;
    for (size_t i = 0; i < 3; i++) /* the last axis last; those before a vector's are 1 */
        op->extents[i] = i + rank < 3 ? 1 : layer->param[0].shape[i + rank - 3];
    return pdl_lower_weight(low, layer, 0, op);
}

pdl_status pdl_lower_layer_norm(pdl_lowering *low, const pdl_layer *layer, int *value)
{
    pdl_status status = pdl_lower_plain(low, layer, PDL_OP_LAYER_NORM, value);
    if (status != PDL_OK) return status;
    pdl_op *op = &low->program->ops[low->program->op_count - 1];
    op->norm = layer->norm;
    if (layer->scale && (status = pdl_lower_weight(low, layer, 0, op)) != PDL_OK) return status;
    return layer->center ? pdl_lower_shift(low, layer, op) : PDL_OK;
}
