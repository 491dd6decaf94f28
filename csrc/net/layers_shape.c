/* The builder calls whose layers move values and compute nothing, or little. SPDX-License-Identifier: Apache-2.0 */
#include "net/graph_impl.h"

#include <string.h>

/* What a size_t holds of a shape: its extents were checked when its layer ended. */
static size_t product(const size_t *extents, size_t count)
{
    size_t product = 1;
    for (size_t i = 0; i < count; i++)
        product *= extents[i];
    return product;
}

pdl_node pdl_graph_concat_axis(pdl_graph *graph, const char *name, const pdl_node *x, size_t count, size_t axis)
{
    pdl_layer *layer = pdl_layer_begin(graph, name, PDL_KIND_CONCAT, x, count);
    if (layer == NULL) return PDL_NO_NODE;
    if (count < 2) return pdl_layer_fail(graph, layer, PDL_EINVAL, "expected at least 2 inputs, got %zu", count);
    const pdl_layer *first = pdl_layer_at(graph, x[0]);
    if (axis >= first->rank)
        return pdl_layer_fail(graph, layer, PDL_EINVAL, "axis %zu, expected one of %zu", axis, first->rank);
    pdl_layer_copy_shape(layer, first);
    layer->per_axis[0] = axis;
    for (size_t i = 1; i < count; i++) {
        const pdl_layer *other = pdl_layer_at(graph, x[i]);
        bool alike = other->rank == first->rank;
        for (size_t j = 0; alike && j < first->rank; j++)
            alike = j == axis || other->shape[j] == first->shape[j];
        if (!alike)
            return pdl_layer_fail(graph, layer, PDL_ESHAPE,
                                  "expected inputs alike but for axis %zu, got [%zu, %zu, %zu] of %.60s and "
                                  "[%zu, %zu, %zu] of %.60s",
                                  axis, first->shape[0], first->shape[1], first->shape[2], first->name, other->shape[0],
                                  other->shape[1], other->shape[2], other->name);
        layer->shape[axis] += other->shape[axis]; /* a sum of 2^31 extents below 2^31 does not overflow */
    }
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_reshape(pdl_graph *graph, const char *name, pdl_node x, size_t rank, const size_t *shape)
{
    pdl_layer *layer = pdl_layer_begin(graph, name, PDL_KIND_RESHAPE, &x, 1);
    if (layer == NULL) return PDL_NO_NODE;
    if (rank < 1 || rank > PDL_MAX_RANK)
        return pdl_layer_fail(graph, layer, PDL_ESHAPE, "a shape of %zu extents, expected 1 to %d", rank, PDL_MAX_RANK);
    const pdl_layer *from = pdl_layer_at(graph, x);
    size_t left = product(from->shape, from->rank), found = left;
    layer->rank = rank;
    for (size_t i = 0; i < rank; i++) {
        layer->shape[i] = shape[i];
        if (shape[i] == 0 || left % shape[i] != 0) left = 0;
        if (left != 0) left /= shape[i];
    }
    if (left != 1)
        return pdl_layer_fail(graph, layer, PDL_ESHAPE, "the %zu elements of %.60s do not fill its shape", found,
                              from->name);
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_permute(pdl_graph *graph, const char *name, pdl_node x, size_t rank, const size_t *order)
{
    pdl_layer *layer = pdl_layer_begin(graph, name, PDL_KIND_PERMUTE, &x, 1);
    if (layer == NULL) return PDL_NO_NODE;
    const pdl_layer *from = pdl_layer_at(graph, x);
    unsigned seen = 0;
    for (size_t i = 0; rank == from->rank && i < rank; i++)
        if (order[i] < rank) seen |= 1u << order[i];
    if (rank != from->rank || seen != (1u << rank) - 1)
        return pdl_layer_fail(graph, layer, PDL_EINVAL, "expected every axis of its input's %zu once", from->rank);
    layer->rank = rank;
    for (size_t i = 0; i < rank; i++) {
        layer->per_axis[i] = order[i];
        layer->shape[i] = from->shape[order[i]];
    }
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_crop(pdl_graph *graph, const char *name, pdl_node x, size_t rank, const size_t *first,
                        const size_t *extent)
{
    pdl_layer *layer = pdl_layer_begin(graph, name, PDL_KIND_CROP, &x, 1);
    if (layer == NULL) return PDL_NO_NODE;
    const pdl_layer *from = pdl_layer_at(graph, x);
    if (rank != from->rank)
        return pdl_layer_fail(graph, layer, PDL_ESHAPE, "%zu axes are cropped, its input has %zu", rank, from->rank);
    layer->rank = rank;
    layer->line = rank == 2;
    for (size_t i = 0; i < rank; i++) {
        layer->per_axis[i] = first[i];
        layer->shape[i] = extent[i];
        if (extent[i] == 0 || first[i] >= from->shape[i] || extent[i] > from->shape[i] - first[i])
            return pdl_layer_fail(graph, layer, PDL_ESHAPE, "%zu elements from %zu on do not lie in the input's %zu",
                                  extent[i], first[i], from->shape[i]);
    }
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_repeat(pdl_graph *graph, const char *name, pdl_node x, size_t n)
{
    pdl_layer *layer = pdl_layer_begin(graph, name, PDL_KIND_REPEAT, &x, 1);
    if (layer == NULL) return PDL_NO_NODE;
    const pdl_layer *from = pdl_layer_at(graph, x);
    if (from->rank != 1)
        return pdl_layer_fail(graph, layer, PDL_ESHAPE, "expected a vector, got rank %zu of %.60s", from->rank,
                              from->name);
    layer->rank = 2;
    layer->shape[0] = n;
    layer->shape[1] = from->shape[0];
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_upsample(pdl_graph *graph, const char *name, pdl_node x, const size_t factor[2])
{
    pdl_layer *layer = pdl_layer_begin_map(graph, name, PDL_KIND_UPSAMPLE, x);
    if (layer == NULL) return PDL_NO_NODE;
    for (int axis = 0; axis < 2; axis++) {
        if (factor[axis] == 0 || factor[axis] > PDL_MAX_EXTENT || (layer->line && axis == 0 && factor[axis] != 1))
            return pdl_layer_fail(graph, layer, PDL_EINVAL,
                                  "factors %zu and %zu, expected 1 to %zu, and 1 across a line", factor[0], factor[1],
                                  PDL_MAX_EXTENT);
        layer->per_axis[axis] = factor[axis];
        size_t *extent = pdl_layer_extent(layer, axis);
        if (extent != NULL) *extent *= factor[axis];
    }
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_resize(pdl_graph *graph, const char *name, pdl_node x, size_t height, size_t width,
                          pdl_interpolation interpolation)
{
    pdl_layer *layer = pdl_layer_begin_map(graph, name, PDL_KIND_RESIZE, x);
    if (layer == NULL) return PDL_NO_NODE;
    if (layer->line) return pdl_layer_fail(graph, layer, PDL_ESHAPE, "expected a feature map, got a line");
    if (interpolation != PDL_INTERPOLATION_NEAREST && interpolation != PDL_INTERPOLATION_BILINEAR)
        return pdl_layer_fail(graph, layer, PDL_EINVAL, "unknown interpolation %d", (int)interpolation);
    layer->bilinear = interpolation == PDL_INTERPOLATION_BILINEAR;
    layer->shape[0] = height;
    layer->shape[1] = width;
    return pdl_layer_end(graph, layer); /* refuses what is 0 or too large */
}
