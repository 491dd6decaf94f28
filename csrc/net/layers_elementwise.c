/* The builder calls of layers that work element by element: activations, merging, scaling, normalizing.
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/graph_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Begins a layer whose output has its input's shape. */
static pdl_layer *begin_alike(pdl_graph *graph, const char *name, pdl_kind kind, pdl_node x)
{
    pdl_layer *layer = pdl_layer_begin(graph, name, kind, &x, 1);
    if (layer != NULL) pdl_layer_copy_shape(layer, pdl_layer_at(graph, x));
    return layer;
}

/* ---- activations ---- */

bool pdl_layer_set_activation(pdl_graph *graph, pdl_layer *layer, pdl_activation activation, const double *parameters)
{
    const pdl_activation_info *info = pdl_activation_at(activation);
    if (info == NULL) {
        pdl_layer_fail(graph, layer, PDL_EINVAL, "unknown activation %d", (int)activation);
        return false;
    }
    layer->activation = activation;
    for (size_t i = 0; i < info->parameters; i++) {
        layer->parameters[i] = parameters != NULL ? parameters[i] : info->defaults[i];
        if (isnan(layer->parameters[i])) {
            pdl_layer_fail(graph, layer, PDL_EINVAL, "parameter %zu of its activation %s is NaN", i, info->name);
            return false;
        }
    }
    return true;
}

pdl_node pdl_graph_activation(pdl_graph *graph, const char *name, pdl_node x, pdl_activation activation,
                              const double *parameters)
{
    pdl_layer *layer = begin_alike(graph, name, PDL_KIND_ACTIVATION, x);
    if (layer == NULL || !pdl_layer_set_activation(graph, layer, activation, parameters)) return PDL_NO_NODE;
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_prelu(pdl_graph *graph, const char *name, pdl_node x, const int shared[3])
{
    pdl_layer *layer = begin_alike(graph, name, PDL_KIND_PRELU, x);
    if (layer == NULL) return PDL_NO_NODE;
    if (layer->rank > 3)
        return pdl_layer_fail(graph, layer, PDL_ESHAPE, "expected one to three axes, got %zu", layer->rank);
    size_t shape[PDL_MAX_RANK];
    for (size_t i = 0; i < layer->rank; i++)
        shape[i] = i < 3 && shared[i] ? 1 : layer->shape[i];
    pdl_layer_add_param(layer, "alpha", layer->rank, shape);
    return pdl_layer_end(graph, layer);
}

/* ---- normalizing, scaling ---- */

pdl_node pdl_graph_layer_norm(pdl_graph *graph, const char *name, pdl_node x, pdl_norm norm, double epsilon, int scale,
                              int center)
{
    pdl_layer *layer = begin_alike(graph, name, PDL_KIND_LAYER_NORM, x);
    if (layer == NULL) return PDL_NO_NODE;
    if (!(epsilon >= 0.0) || !isfinite(epsilon))
        return pdl_layer_fail(graph, layer, PDL_EINVAL, "epsilon is %g, expected a finite number >= 0", epsilon);
    if ((int)norm < 0 || norm >= PDL_NORMS)
        return pdl_layer_fail(graph, layer, PDL_EINVAL, "unknown way to normalize %d", (int)norm);
    layer->norm = norm;
    layer->epsilon = epsilon;
    layer->scale = scale != 0;
    layer->center = center != 0;
    if (layer->scale) pdl_layer_add_vector(layer, "gamma", pdl_layer_channels(layer));
    if (layer->center) pdl_layer_add_vector(layer, "beta", pdl_layer_channels(layer));
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_rescale(pdl_graph *graph, const char *name, pdl_node x, size_t count, const double *scale,
                           const double *offset)
{
    pdl_layer *layer = begin_alike(graph, name, PDL_KIND_RESCALE, x);
    if (layer == NULL) return PDL_NO_NODE;
    size_t channels = pdl_layer_channels(layer);
    if (count != 1 && count != channels)
        return pdl_layer_fail(graph, layer, PDL_ESHAPE,
                              "%zu scales and offsets, expected 1 or one for each of the %zu "
                              "channels",
                              count, channels);
    layer->constants = calloc(2 * count, sizeof *layer->constants);
    if (layer->constants == NULL) return pdl_layer_fail(graph, layer, PDL_ENOMEM, "out of memory");
    memcpy(layer->constants, scale, count * sizeof *scale);
    memcpy(layer->constants + count, offset, count * sizeof *offset);
    layer->constant_count = count;
    for (size_t i = 0; i < 2 * count; i++)
        if (!isfinite(layer->constants[i]))
            return pdl_layer_fail(graph, layer, PDL_EINVAL, "its %s is %g, expected a finite number",
                                  i < count ? "scale" : "offset", layer->constants[i]);
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_normalization(pdl_graph *graph, const char *name, pdl_node x, int invert)
{
    pdl_layer *layer = begin_alike(graph, name, PDL_KIND_NORMALIZATION, x);
    if (layer == NULL) return PDL_NO_NODE;
    layer->invert = invert != 0;
    pdl_layer_add_vector(layer, "mean", pdl_layer_channels(layer));
    pdl_layer_add_vector(layer, "variance", pdl_layer_channels(layer));
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_layer_scale(pdl_graph *graph, const char *name, pdl_node x, int scale, int center)
{
    pdl_layer *layer = begin_alike(graph, name, PDL_KIND_LAYER_SCALE, x);
    if (layer == NULL) return PDL_NO_NODE;
    layer->scale = scale != 0;
    layer->center = center != 0;
    if (layer->scale) pdl_layer_add_vector(layer, "gamma", pdl_layer_channels(layer));
    if (layer->center) pdl_layer_add_vector(layer, "beta", pdl_layer_channels(layer));
    return pdl_layer_end(graph, layer);
}

/* ---- merging ---- */

/* The layer's shape becomes what it and the other's give together: their axes, from the last back, are alike or 1. */
static bool broadcast(pdl_layer *layer, const pdl_layer *other)
{
    size_t rank = layer->rank > other->rank ? layer->rank : other->rank;
    size_t shape[PDL_MAX_RANK] = {0};
    for (size_t i = 0; i < rank; i++) {
        size_t a = i < layer->rank ? layer->shape[layer->rank - 1 - i] : 1;
        size_t b = i < other->rank ? other->shape[other->rank - 1 - i] : 1;
        if (a != b && a != 1 && b != 1) return false;
        shape[rank - 1 - i] = a == 1 ? b : a;
    }
    layer->rank = rank;
    memcpy(layer->shape, shape, sizeof shape);
    return true;
}

pdl_node pdl_graph_merge(pdl_graph *graph, const char *name, pdl_merge how, const pdl_node *x, size_t count)
{
    pdl_layer *layer = pdl_layer_begin(graph, name, PDL_KIND_MERGE, x, count);
    if (layer == NULL) return PDL_NO_NODE;
    if ((int)how < 0 || how >= PDL_MERGES)
        return pdl_layer_fail(graph, layer, PDL_EINVAL, "unknown way to merge %d", (int)how);
    if (count < 2) return pdl_layer_fail(graph, layer, PDL_EINVAL, "expected at least 2 inputs, got %zu", count);
    if ((how == PDL_MERGE_SUBTRACT || how == PDL_MERGE_DIVIDE) && count != 2)
        return pdl_layer_fail(graph, layer, PDL_EINVAL, "expected 2 inputs, got %zu", count);
    layer->merge = how;
    pdl_layer_copy_shape(layer, pdl_layer_at(graph, x[0]));
    for (size_t i = 1; i < count; i++) {
        const pdl_layer *first = pdl_layer_at(graph, x[0]), *other = pdl_layer_at(graph, x[i]);
        bool alike = first->rank == other->rank && memcmp(first->shape, other->shape, sizeof first->shape) == 0;
        if (!broadcast(layer, other) || (layer->rank > 3 && !alike))
            return pdl_layer_fail(
                graph, layer, PDL_ESHAPE,
                "expected inputs of one shape, or with extents of 1, got [%zu, %zu, %zu] of %.60s and "
                "[%zu, %zu, %zu] of %.60s",
                first->shape[0], first->shape[1], first->shape[2], first->name, other->shape[0], other->shape[1],
                other->shape[2], other->name);
    }
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_add(pdl_graph *graph, const char *name, const pdl_node *x, size_t count)
{
    return pdl_graph_merge(graph, name, PDL_MERGE_ADD, x, count);
}
