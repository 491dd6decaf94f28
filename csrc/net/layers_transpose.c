/* Conv2DTranspose's builder call. SPDX-License-Identifier: Apache-2.0
 *
 * It goes from the output of a convolution back to its input: window and padding are those of the convolution that
 * would make x of its output. */
#include "net/graph_impl.h"

/* The output's extent by Keras' rules; reach = (kernel - 1) dilation + 1. */
static size_t output_extent(size_t in, size_t reach, size_t stride, pdl_padding padding, const size_t *output_padding)
{
    size_t least = (in - 1) * stride;
    if (padding == PDL_PADDING_SAME) return output_padding == NULL ? in * stride : least + reach % 2 + *output_padding;
    return output_padding == NULL ? least + (reach > stride ? reach : stride) : least + reach + *output_padding;
}

static bool set_extent(pdl_graph *graph, pdl_layer *layer, int axis, pdl_padding padding, const size_t *output_padding)
{
    size_t *extent = pdl_layer_extent(layer, axis), back;
    if (extent == NULL) return true;
    pdl_window *window = &layer->window;
    size_t reach = (window->kernel[axis] - 1) * window->dilation[axis] + 1;
    size_t out = output_extent(*extent, reach, window->stride[axis], padding, output_padding);
    bool fits = out > 0 && pdl_window_resolve(window, axis, out, padding, &back) && back == *extent;
    if (fits)
        *extent = out;
    else
        pdl_layer_fail(graph, layer, PDL_ESHAPE,
                       "no output of %zu is made from the input's %zu by kernel %zu, stride %zu", out, *extent,
                       window->kernel[axis], window->stride[axis]);
    return fits;
}

pdl_node pdl_graph_conv2d_transpose(pdl_graph *graph, const char *name, pdl_node x, const pdl_conv2d_spec *spec,
                                    const size_t *output_padding)
{
    pdl_layer *layer = pdl_layer_begin_map(graph, name, PDL_KIND_CONV2D_TRANSPOSE, x);
    if (layer == NULL) return PDL_NO_NODE;
    size_t inputs = layer->shape[layer->rank - 1];
    if (spec->filters == 0 || spec->filters > PDL_MAX_EXTENT || spec->padding == PDL_PADDING_CAUSAL)
        return pdl_layer_fail(graph, layer, PDL_EINVAL, "filters %zu, padding %d, expected 1 to %zu, and VALID or SAME",
                              spec->filters, (int)spec->padding, PDL_MAX_EXTENT);
    if (!pdl_layer_set_activation(graph, layer, spec->activation, NULL)) return PDL_NO_NODE;
    if (!pdl_layer_set_window(graph, layer, spec->kernel, spec->stride, spec->dilation, spec->padding))
        return PDL_NO_NODE;
    for (int axis = 0; axis < 2; axis++) {
        const size_t *added = output_padding == NULL ? NULL : &output_padding[axis];
        if (added != NULL && *added > PDL_MAX_EXTENT)
            return pdl_layer_fail(graph, layer, PDL_EINVAL, "output padding %zu, expected 0 to %zu", *added,
                                  PDL_MAX_EXTENT);
        if (!set_extent(graph, layer, axis, spec->padding, added)) return PDL_NO_NODE;
    }
    pdl_layer_add_kernel(layer, "kernel", spec->kernel, spec->filters, inputs);
    return pdl_layer_end_conv(graph, layer, spec, spec->filters);
}
