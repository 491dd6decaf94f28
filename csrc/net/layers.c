/* The builder calls: each checks its arguments, infers its output's shape and names its parameters, by Keras' rules
 * (https://keras.io/api/layers). SPDX-License-Identifier: Apache-2.0 */
#include "net/graph_impl.h"

#include <math.h>
#include <string.h>

bool pdl_window_resolve(pdl_window *window, int axis, size_t in, pdl_padding padding, size_t *out)
{
    size_t reach = (window->kernel[axis] - 1) * window->dilation[axis] + 1, stride = window->stride[axis];
    if (padding == PDL_PADDING_VALID) {
        if (reach > in) return false;
        *out = (in - reach) / stride + 1;
        return true;
    }
    *out = (in + stride - 1) / stride;
    if (padding == PDL_PADDING_CAUSAL) {
        window->before[axis] = reach - 1;
        return true;
    }
    size_t covered = (*out - 1) * stride + reach;
    size_t total = covered > in ? covered - in : 0;
    window->before[axis] = total / 2;
    window->after[axis] = total - total / 2;
    return true;
}

void pdl_layer_add_param(pdl_layer *layer, const char *name, size_t rank, const size_t *shape)
{
    pdl_param_info *param = &layer->param[layer->params++];
    *param = (pdl_param_info){.name = name, .rank = rank};
    memcpy(param->shape, shape, rank * sizeof *shape);
}

void pdl_layer_add_vector(pdl_layer *layer, const char *name, size_t length)
{
    pdl_layer_add_param(layer, name, 1, &length);
}

void pdl_layer_copy_shape(pdl_layer *layer, const pdl_layer *from)
{
    layer->rank = from->rank;
    memcpy(layer->shape, from->shape, sizeof layer->shape);
}

pdl_node pdl_graph_input(pdl_graph *graph, const char *name, size_t rank, const size_t *shape)
{
    bool second = graph->count > 0;
    pdl_layer *layer = pdl_layer_begin(graph, name, PDL_KIND_INPUT, NULL, 0);
    if (layer == NULL) return PDL_NO_NODE;
    if (second) return pdl_layer_fail(graph, layer, PDL_EINVAL, "a graph has one input, its first layer");
    if (rank < 1 || rank > 3)
        return pdl_layer_fail(graph, layer, PDL_ESHAPE, "a shape of %zu extents, expected 1 to 3", rank);
    layer->rank = rank;
    for (size_t i = 0; i < rank; i++) {
        layer->shape[i] = shape[i];
        if (shape[i] == 0) return pdl_layer_fail(graph, layer, PDL_ESHAPE, "extent %zu of its shape is 0", i);
    }
    return pdl_layer_end(graph, layer);
}

pdl_layer *pdl_layer_begin_map(pdl_graph *graph, const char *name, pdl_kind kind, pdl_node x)
{
    pdl_layer *layer = pdl_layer_begin(graph, name, kind, &x, 1);
    if (layer == NULL) return NULL;
    const pdl_layer *from = pdl_layer_at(graph, x);
    if (from->rank != 2 && from->rank != 3) {
        pdl_layer_fail(graph, layer, PDL_ESHAPE,
                       "expected a feature map [height, width, channels] or a line [length, channels], got rank %zu "
                       "of %.60s",
                       from->rank, from->name);
        return NULL;
    }
    pdl_layer_copy_shape(layer, from);
    layer->line = from->rank == 2;
    return layer;
}

/* One axis of pdl_layer_set_window. */
static bool set_axis(pdl_graph *graph, pdl_layer *layer, int axis, size_t kernel, size_t stride, size_t dilation)
{
    static const char *const axes[] = {"height", "width"};
    pdl_window *window = &layer->window;
    window->kernel[axis] = kernel;
    window->stride[axis] = stride != 0 ? stride : 1;
    window->dilation[axis] = dilation != 0 ? dilation : 1;
    if (kernel == 0 || kernel > PDL_MAX_EXTENT || stride > PDL_MAX_EXTENT || dilation > PDL_MAX_EXTENT) {
        pdl_layer_fail(graph, layer, PDL_EINVAL, "%s: kernel %zu, stride %zu, dilation %zu, expected 1 to %zu each",
                       axes[axis], kernel, stride, dilation, PDL_MAX_EXTENT);
        return false;
    }
    if (layer->line && axis == 0 && (kernel | window->stride[axis] | window->dilation[axis]) != 1) {
        pdl_layer_fail(graph, layer, PDL_EINVAL, "kernel, stride and dilation across a line must be 1");
        return false;
    }
    return true;
}

bool pdl_layer_set_window(pdl_graph *graph, pdl_layer *layer, const size_t kernel[2], const size_t stride[2],
                          const size_t dilation[2], pdl_padding padding)
{
    bool known = padding == PDL_PADDING_VALID || padding == PDL_PADDING_SAME;
    if (!known && !(padding == PDL_PADDING_CAUSAL && layer->line)) {
        pdl_layer_fail(graph, layer, PDL_EINVAL, "padding is %d, expected VALID or SAME, or CAUSAL on a line",
                       (int)padding);
        return false;
    }
    for (int axis = 0; axis < 2; axis++)
        if (!set_axis(graph, layer, axis, kernel[axis], stride[axis], dilation[axis])) return false;
    return true;
}

/* Fills layer->window and the extents of its shape; false with the graph's error set. */
static bool slide_window(pdl_graph *graph, pdl_layer *layer, const size_t kernel[2], const size_t stride[2],
                         const size_t dilation[2], pdl_padding padding)
{
    static const char *const axes[] = {"height", "width"};
    if (!pdl_layer_set_window(graph, layer, kernel, stride, dilation, padding)) return false;
    for (int axis = 0; axis < 2; axis++) {
        size_t *extent = pdl_layer_extent(layer, axis);
        if (extent == NULL || pdl_window_resolve(&layer->window, axis, *extent, padding, extent)) continue;
        pdl_layer_fail(graph, layer, PDL_ESHAPE, "its window of %s %zu does not fit in the input's %zu", axes[axis],
                       (kernel[axis] - 1) * layer->window.dilation[axis] + 1, *extent);
        return false;
    }
    return true;
}

static bool check_conv(pdl_graph *graph, pdl_layer *layer, const pdl_conv2d_spec *spec)
{
    if (spec->filters == 0 || spec->filters > PDL_MAX_EXTENT || spec->multiplier > PDL_MAX_EXTENT)
        pdl_layer_fail(graph, layer, PDL_EINVAL, "filters %zu, multiplier %zu, expected 1 to %zu", spec->filters,
                       spec->multiplier, PDL_MAX_EXTENT);
    else if (pdl_layer_set_activation(graph, layer, spec->activation, NULL))
        return slide_window(graph, layer, spec->kernel, spec->stride, spec->dilation, spec->padding);
    return false;
}

void pdl_layer_add_kernel(pdl_layer *layer, const char *name, const size_t kernel[2], size_t in, size_t out)
{
    size_t shape[] = {kernel[0], kernel[1], in, out};
    pdl_layer_add_param(layer, name, layer->line ? 3 : 4, layer->line ? shape + 1 : shape);
}

pdl_node pdl_layer_end_conv(pdl_graph *graph, pdl_layer *layer, const pdl_conv2d_spec *spec, size_t channels)
{
    layer->shape[layer->rank - 1] = channels;
    layer->use_bias = spec->use_bias != 0;
    if (layer->use_bias) pdl_layer_add_vector(layer, "bias", channels);
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_conv2d(pdl_graph *graph, const char *name, pdl_node x, const pdl_conv2d_spec *spec)
{
    pdl_layer *layer = pdl_layer_begin_map(graph, name, PDL_KIND_CONV2D, x);
    if (layer == NULL) return PDL_NO_NODE;
    size_t inputs = pdl_layer_channels(layer);
    if (!check_conv(graph, layer, spec)) return PDL_NO_NODE;
    layer->groups = spec->groups != 0 ? spec->groups : 1;
    if (inputs % layer->groups != 0 || spec->filters % layer->groups != 0)
        return pdl_layer_fail(graph, layer, PDL_ESHAPE, "%zu groups do not divide %zu input channels and %zu filters",
                              layer->groups, inputs, spec->filters);
    pdl_layer_add_kernel(layer, "kernel", spec->kernel, inputs / layer->groups, spec->filters);
    return pdl_layer_end_conv(graph, layer, spec, spec->filters);
}

pdl_node pdl_graph_depthwise_conv2d(pdl_graph *graph, const char *name, pdl_node x, const pdl_conv2d_spec *spec)
{
    pdl_layer *layer = pdl_layer_begin_map(graph, name, PDL_KIND_DEPTHWISE_CONV2D, x);
    if (layer == NULL) return PDL_NO_NODE;
    size_t inputs = pdl_layer_channels(layer);
    if (!check_conv(graph, layer, spec)) return PDL_NO_NODE;
    layer->multiplier = spec->filters;
    pdl_layer_add_kernel(layer, "depthwise_kernel", spec->kernel, inputs, spec->filters);
    return pdl_layer_end_conv(graph, layer, spec, inputs * spec->filters);
}

pdl_node pdl_graph_separable_conv2d(pdl_graph *graph, const char *name, pdl_node x, const pdl_conv2d_spec *spec)
{
    static const size_t pixel[2] = {1, 1};
    pdl_layer *layer = pdl_layer_begin_map(graph, name, PDL_KIND_SEPARABLE_CONV2D, x);
    if (layer == NULL) return PDL_NO_NODE;
    size_t inputs = pdl_layer_channels(layer);
    layer->multiplier = spec->multiplier != 0 ? spec->multiplier : 1;
    if (!check_conv(graph, layer, spec)) return PDL_NO_NODE;
    pdl_layer_add_kernel(layer, "depthwise_kernel", spec->kernel, inputs, layer->multiplier);
    pdl_layer_add_kernel(layer, "pointwise_kernel", pixel, inputs * layer->multiplier, spec->filters);
    return pdl_layer_end_conv(graph, layer, spec, spec->filters);
}

pdl_node pdl_graph_batch_norm(pdl_graph *graph, const char *name, pdl_node x, double epsilon, int scale, int center)
{
    pdl_layer *layer = pdl_layer_begin(graph, name, PDL_KIND_BATCH_NORM, &x, 1);
    if (layer == NULL) return PDL_NO_NODE;
    if (!(epsilon >= 0.0) || !isfinite(epsilon))
        return pdl_layer_fail(graph, layer, PDL_EINVAL, "epsilon is %g, expected a finite number >= 0", epsilon);
    pdl_layer_copy_shape(layer, pdl_layer_at(graph, x));
    layer->epsilon = epsilon;
    layer->scale = scale != 0;
    layer->center = center != 0;
    size_t channels = pdl_layer_channels(layer);
    if (layer->scale) pdl_layer_add_vector(layer, "gamma", channels);
    if (layer->center) pdl_layer_add_vector(layer, "beta", channels);
    pdl_layer_add_vector(layer, "moving_mean", channels);
    pdl_layer_add_vector(layer, "moving_variance", channels);
    return pdl_layer_end(graph, layer);
}

static pdl_node pool(pdl_graph *graph, const char *name, pdl_kind kind, pdl_node x, const pdl_pool2d_spec *spec)
{
    static const size_t undilated[2] = {1, 1};
    pdl_layer *layer = pdl_layer_begin_map(graph, name, kind, x);
    if (layer == NULL) return PDL_NO_NODE;
    size_t stride[2];
    for (int axis = 0; axis < 2; axis++)
        stride[axis] = spec->stride[axis] != 0 ? spec->stride[axis] : spec->size[axis];
    if (!slide_window(graph, layer, spec->size, stride, undilated, spec->padding)) return PDL_NO_NODE;
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_max_pool2d(pdl_graph *graph, const char *name, pdl_node x, const pdl_pool2d_spec *spec)
{
    return pool(graph, name, PDL_KIND_MAX_POOL2D, x, spec);
}

pdl_node pdl_graph_avg_pool2d(pdl_graph *graph, const char *name, pdl_node x, const pdl_pool2d_spec *spec)
{
    return pool(graph, name, PDL_KIND_AVG_POOL2D, x, spec);
}

static pdl_node global_pool(pdl_graph *graph, const char *name, pdl_kind kind, pdl_node x, int keepdims)
{
    pdl_layer *layer = pdl_layer_begin_map(graph, name, kind, x);
    if (layer == NULL) return PDL_NO_NODE;
    size_t channels = pdl_layer_channels(layer);
    if (keepdims) {
        for (size_t i = 0; i + 1 < layer->rank; i++)
            layer->shape[i] = 1;
        return pdl_layer_end(graph, layer);
    }
    memset(layer->shape, 0, sizeof layer->shape);
    layer->rank = 1;
    layer->shape[0] = channels;
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_global_avg_pool(pdl_graph *graph, const char *name, pdl_node x, int keepdims)
{
    return global_pool(graph, name, PDL_KIND_GLOBAL_AVG_POOL, x, keepdims);
}

pdl_node pdl_graph_global_max_pool(pdl_graph *graph, const char *name, pdl_node x, int keepdims)
{
    return global_pool(graph, name, PDL_KIND_GLOBAL_MAX_POOL, x, keepdims);
}

pdl_node pdl_graph_concat(pdl_graph *graph, const char *name, const pdl_node *x, size_t count)
{
    size_t rank = 1; /* of nothing, which is refused */
    if (graph->error.code == PDL_OK && count > 0 && x[0] >= 0 && (size_t)x[0] < graph->count)
        rank = pdl_layer_at(graph, x[0])->rank;
    return pdl_graph_concat_axis(graph, name, x, count, rank - 1);
}

pdl_node pdl_graph_zero_pad(pdl_graph *graph, const char *name, pdl_node x, size_t top, size_t bottom, size_t left,
                            size_t right)
{
    pdl_layer *layer = pdl_layer_begin_map(graph, name, PDL_KIND_ZERO_PAD, x);
    if (layer == NULL) return PDL_NO_NODE;
    if (top > PDL_MAX_EXTENT || bottom > PDL_MAX_EXTENT || left > PDL_MAX_EXTENT || right > PDL_MAX_EXTENT)
        return pdl_layer_fail(graph, layer, PDL_EINVAL, "padding %zu, %zu, %zu, %zu, expected 0 to %zu each", top,
                              bottom, left, right, PDL_MAX_EXTENT);
    layer->window.before[0] = top;
    layer->window.after[0] = bottom;
    layer->window.before[1] = left;
    layer->window.after[1] = right;
    if (layer->line && top + bottom > 0)
        return pdl_layer_fail(graph, layer, PDL_EINVAL, "padding across a line must be 0");
    if (!layer->line) layer->shape[0] += top + bottom;
    *pdl_layer_extent(layer, 1) += left + right;
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_flatten(pdl_graph *graph, const char *name, pdl_node x)
{
    pdl_layer *layer = pdl_layer_begin(graph, name, PDL_KIND_FLATTEN, &x, 1);
    if (layer == NULL) return PDL_NO_NODE;
    const pdl_layer *from = pdl_layer_at(graph, x);
    layer->rank = 1;
    layer->shape[0] = 1;
    for (size_t i = 0; i < from->rank; i++)
        layer->shape[0] *= from->shape[i]; /* was checked when `from` ended */
    return pdl_layer_end(graph, layer);
}

pdl_node pdl_graph_dense(pdl_graph *graph, const char *name, pdl_node x, size_t units, int use_bias,
                         pdl_activation activation)
{
    pdl_layer *layer = pdl_layer_begin(graph, name, PDL_KIND_DENSE, &x, 1);
    if (layer == NULL) return PDL_NO_NODE;
    if (units == 0 || units > PDL_MAX_EXTENT)
        return pdl_layer_fail(graph, layer, PDL_EINVAL, "units is %zu, expected 1 to %zu", units, PDL_MAX_EXTENT);
    if (!pdl_layer_set_activation(graph, layer, activation, NULL)) return PDL_NO_NODE;
    pdl_layer_copy_shape(layer, pdl_layer_at(graph, x));
    size_t kernel[] = {pdl_layer_channels(layer), units};
    layer->shape[layer->rank - 1] = units;
    layer->use_bias = use_bias != 0;
    pdl_layer_add_param(layer, "kernel", 2, kernel);
    if (layer->use_bias) pdl_layer_add_vector(layer, "bias", units);
    return pdl_layer_end(graph, layer);
}
