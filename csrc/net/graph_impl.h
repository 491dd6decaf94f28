/* The layer table behind pdl_graph, shared by the files of this room. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_NET_GRAPH_IMPL_H
#define PDL_NET_GRAPH_IMPL_H

#include "pydeepl.h"

#include <stdbool.h>

typedef enum pdl_kind {
    PDL_KIND_INPUT,
    PDL_KIND_CONV2D,
    PDL_KIND_DEPTHWISE_CONV2D,
    PDL_KIND_SEPARABLE_CONV2D,
    PDL_KIND_BATCH_NORM,
    PDL_KIND_ACTIVATION,
    PDL_KIND_MAX_POOL2D,
    PDL_KIND_AVG_POOL2D,
    PDL_KIND_GLOBAL_AVG_POOL,
    PDL_KIND_GLOBAL_MAX_POOL,
    PDL_KIND_CONCAT,
    PDL_KIND_ZERO_PAD,
    PDL_KIND_FLATTEN,
    PDL_KIND_DENSE,
    PDL_KIND_CONV2D_TRANSPOSE,
    PDL_KIND_RESHAPE,
    PDL_KIND_PERMUTE,
    PDL_KIND_CROP,
    PDL_KIND_REPEAT,
    PDL_KIND_UPSAMPLE,
    PDL_KIND_RESIZE,
    PDL_KIND_MERGE,
    PDL_KIND_PRELU,
    PDL_KIND_LAYER_NORM,
    PDL_KIND_RESCALE,
    PDL_KIND_NORMALIZATION,
    PDL_KIND_LAYER_SCALE,
} pdl_kind;

/* A sliding window over [height, width] with its padding worked out. Element 0 is height, 1 is width. */
typedef struct pdl_window {
    size_t kernel[2], stride[2], dilation[2];
    size_t before[2], after[2]; /* padding: top and left, bottom and right */
} pdl_window;

#define PDL_MAX_PARAMS 4

typedef struct pdl_layer {
    char *name;
    pdl_kind kind;
    pdl_node *input;
    size_t inputs;
    size_t rank, shape[PDL_MAX_RANK]; /* one sample's output */
    pdl_window window;                /* convolutions and pools; a zero pad has its before and after only */
    bool line;                        /* slides along a line [length, c], which is a map of one row */
    size_t groups;                    /* Conv2D: parts of the channels that do not mix */
    size_t per_axis[PDL_MAX_RANK];    /* permute: the input's axis that each is; crop: its first index; upsample: by how
                                         much; concat: [0] is its axis */
    bool bilinear;                    /* resize */
    size_t multiplier;                /* depthwise and separable: outputs of the depthwise part per channel */
    bool use_bias;
    bool scale, center; /* normalizations and layer scale: has gamma, has beta */
    double epsilon;
    pdl_activation activation;
    double parameters[PDL_MAX_ACTIVATION_PARAMETERS]; /* of the activation */
    pdl_merge merge;
    pdl_norm norm;
    bool invert;       /* normalization: the inverse */
    double *constants; /* rescale: constant_count scales, then as many offsets */
    size_t constant_count;
    size_t first_param; /* number of param[0] among all parameters of the graph */
    size_t params;
    pdl_param_info param[PDL_MAX_PARAMS];
} pdl_layer;

struct pdl_graph {
    pdl_layer *layers;
    size_t count, capacity;
    size_t params; /* of all layers */
    pdl_error error;
};

/* The largest extent, kernel, stride or padding a layer may have: products of two fit in int64. */
#define PDL_MAX_EXTENT ((size_t)INT32_MAX)

/* What follows is how builder calls append a layer:
 *     layer = pdl_layer_begin(...);  fill it;  return pdl_layer_end(graph, layer);
 * pdl_layer_begin checks the name and the inputs, and returns NULL when the graph has failed (the error is kept).
 * pdl_layer_fail records "NAME: ..." as the graph's error. */
pdl_layer *pdl_layer_begin(pdl_graph *graph, const char *name, pdl_kind kind, const pdl_node *inputs, size_t count);
pdl_node pdl_layer_end(pdl_graph *graph, pdl_layer *layer);
pdl_node pdl_layer_fail(pdl_graph *graph, pdl_layer *layer, pdl_status code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static inline const pdl_layer *pdl_layer_at(const pdl_graph *graph, pdl_node node)
{
    return &graph->layers[node];
}

/* Keras' name of a layer's class. */
const char *pdl_layer_kind_name(const pdl_layer *layer);

/* What the files with builder calls share. */
void pdl_layer_add_param(pdl_layer *layer, const char *name, size_t rank, const size_t *shape);
void pdl_layer_add_vector(pdl_layer *layer, const char *name, size_t length);
void pdl_layer_copy_shape(pdl_layer *layer, const pdl_layer *from);
/* Channels are the last axis. */
static inline size_t pdl_layer_channels(const pdl_layer *layer)
{
    return layer->shape[layer->rank - 1];
}
/* The layer's activation with these parameters, or its defaults; false, with the graph's error set, for none. */
bool pdl_layer_set_activation(pdl_graph *graph, pdl_layer *layer, pdl_activation activation, const double *parameters);
/* Begins a layer that slides over a feature map [h, w, c] or a line [length, c]: with its shape, and layer->line set.
 * NULL when that fails. */
pdl_layer *pdl_layer_begin_map(pdl_graph *graph, const char *name, pdl_kind kind, pdl_node x);
/* Checks a window's numbers and keeps them in layer->window; false with the graph's error set. */
bool pdl_layer_set_window(pdl_graph *graph, pdl_layer *layer, const size_t kernel[2], const size_t stride[2],
                          const size_t dilation[2], pdl_padding padding);
/* A kernel [kh, kw, in, out], or [k, in, out] on a line. */
void pdl_layer_add_kernel(pdl_layer *layer, const char *name, const size_t kernel[2], size_t in, size_t out);
/* Ends a convolution: with its output's channels, bias and activation. */
pdl_node pdl_layer_end_conv(pdl_graph *graph, pdl_layer *layer, const pdl_conv2d_spec *spec, size_t channels);

/* A layer's extent along an axis of its window (0 height, 1 width or length); NULL for the height of a line. */
static inline size_t *pdl_layer_extent(pdl_layer *layer, int axis)
{
    if (!layer->line) return &layer->shape[axis];
    return axis == 1 ? &layer->shape[0] : NULL;
}

/* Works out padding and output size on one axis (0 height, 1 width), by Keras' rules:
 *     VALID  out = floor((in - reach) / stride) + 1, no padding; false when the window does not fit
 *     SAME   out = ceil(in / stride), padding shared out evenly, the odd one after
 *     CAUSAL the same size, all padding before: outputs see nothing that comes after them
 * where reach = (kernel - 1) dilation + 1. */
bool pdl_window_resolve(pdl_window *window, int axis, size_t in, pdl_padding padding, size_t *out);

#endif
