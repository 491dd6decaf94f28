/* The graph as a table of layers: growth, the sticky error, queries. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L /* strdup */
#include "base/memory.h"
#include "base/status.h"
#include "net/graph_impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
    [PDL_KIND_INPUT] = "InputLayer",
    [PDL_KIND_CONV2D] = "Conv2D",
    [PDL_KIND_DEPTHWISE_CONV2D] = "DepthwiseConv2D",
    [PDL_KIND_SEPARABLE_CONV2D] = "SeparableConv2D",
    [PDL_KIND_BATCH_NORM] = "BatchNormalization",
    [PDL_KIND_ACTIVATION] = "Activation",
    [PDL_KIND_MAX_POOL2D] = "MaxPooling2D",
    [PDL_KIND_AVG_POOL2D] = "AveragePooling2D",
    [PDL_KIND_GLOBAL_AVG_POOL] = "GlobalAveragePooling2D",
    [PDL_KIND_GLOBAL_MAX_POOL] = "GlobalMaxPooling2D",
    [PDL_KIND_CONCAT] = "Concatenate",
    [PDL_KIND_ZERO_PAD] = "ZeroPadding2D",
    [PDL_KIND_FLATTEN] = "Flatten",
    [PDL_KIND_DENSE] = "Dense",
    [PDL_KIND_CONV2D_TRANSPOSE] = "Conv2DTranspose",
    [PDL_KIND_RESHAPE] = "Reshape",
    [PDL_KIND_PERMUTE] = "Permute",
    [PDL_KIND_CROP] = "Cropping2D",
    [PDL_KIND_REPEAT] = "RepeatVector",
    [PDL_KIND_UPSAMPLE] = "UpSampling2D",
    [PDL_KIND_RESIZE] = "Resizing",
    [PDL_KIND_PRELU] = "PReLU",
    [PDL_KIND_LAYER_NORM] = "LayerNormalization",
    [PDL_KIND_RESCALE] = "Rescaling",
    [PDL_KIND_NORMALIZATION] = "Normalization",
    [PDL_KIND_LAYER_SCALE] = "LayerScale",
};

static const char *const merge_names[PDL_MERGES] = {
    [PDL_MERGE_ADD] = "Add",         [PDL_MERGE_MULTIPLY] = "Multiply", [PDL_MERGE_SUBTRACT] = "Subtract",
    [PDL_MERGE_DIVIDE] = "Divide",   [PDL_MERGE_AVERAGE] = "Average",   [PDL_MERGE_MAXIMUM] = "Maximum",
    [PDL_MERGE_MINIMUM] = "Minimum",
};

/* Of layers that slide along a line. */
static const char *const line_kind_names[] = {
    [PDL_KIND_CONV2D] = "Conv1D",
    [PDL_KIND_DEPTHWISE_CONV2D] = "DepthwiseConv1D",
    [PDL_KIND_SEPARABLE_CONV2D] = "SeparableConv1D",
    [PDL_KIND_MAX_POOL2D] = "MaxPooling1D",
    [PDL_KIND_AVG_POOL2D] = "AveragePooling1D",
    [PDL_KIND_GLOBAL_AVG_POOL] = "GlobalAveragePooling1D",
    [PDL_KIND_GLOBAL_MAX_POOL] = "GlobalMaxPooling1D",
    [PDL_KIND_ZERO_PAD] = "ZeroPadding1D",
    [PDL_KIND_CONV2D_TRANSPOSE] = "Conv1DTranspose",
    [PDL_KIND_CROP] = "Cropping1D",
    [PDL_KIND_UPSAMPLE] = "UpSampling1D",
};

const char *pdl_layer_kind_name(const pdl_layer *layer)
{
    if (layer->kind == PDL_KIND_MERGE) return merge_names[layer->merge];
    return layer->line ? line_kind_names[layer->kind] : kind_names[layer->kind];
}

pdl_status pdl_graph_create(pdl_graph **out, pdl_error *error)
{
    pdl_graph *graph = calloc(1, sizeof *graph);
    if (graph == NULL) return pdl_fail_memory(error, sizeof *graph, "a graph");
    *out = graph;
    return PDL_OK;
}

static void free_layer(pdl_layer *layer)
{
    free(layer->name);
    free(layer->input);
    free(layer->constants);
}

void pdl_graph_destroy(pdl_graph *graph)
{
    if (graph == NULL) return;
    for (size_t i = 0; i < graph->count; i++)
        free_layer(&graph->layers[i]);
    free(graph->layers);
    free(graph);
}

pdl_status pdl_graph_status(const pdl_graph *graph, pdl_error *error)
{
    if (graph->error.code != PDL_OK && error != NULL) *error = graph->error;
    return graph->error.code;
}

static bool reserve_layer(pdl_graph *graph)
{
    if (graph->count < graph->capacity) return true;
    size_t capacity = graph->capacity == 0 ? 64 : 2 * graph->capacity;
    pdl_layer *layers = realloc(graph->layers, capacity * sizeof *layers);
    if (layers == NULL) return false;
    graph->layers = layers;
    graph->capacity = capacity;
    return true;
}

static bool check_new_layer(pdl_graph *graph, const char *name, const pdl_node *inputs, size_t count)
{
    if (graph->error.code != PDL_OK) return false;
    if (name == NULL || *name == '\0') {
        pdl_fail(&graph->error, PDL_EINVAL, "layer %zu has no name", graph->count);
        return false;
    }
    if (pdl_graph_find(graph, name) != PDL_NO_NODE || graph->count >= INT32_MAX) {
        pdl_fail(&graph->error, PDL_EINVAL, "%.200s: the graph has a layer of this name already", name);
        return false;
    }
    for (size_t i = 0; i < count; i++)
        if (inputs[i] < 0 || (size_t)inputs[i] >= graph->count) {
            pdl_fail(&graph->error, PDL_EINVAL, "%.200s: input %zu is node %ld, expected one of the %zu before it",
                     name, i, (long)inputs[i], graph->count);
            return false;
        }
    return true;
}

pdl_layer *pdl_layer_begin(pdl_graph *graph, const char *name, pdl_kind kind, const pdl_node *inputs, size_t count)
{
    if (!check_new_layer(graph, name, inputs, count)) return NULL;
    pdl_layer layer = {.kind = kind, .inputs = count};
    layer.name = strdup(name);
    layer.input = calloc(count + 1, sizeof *layer.input);
    if (layer.name == NULL || layer.input == NULL || !reserve_layer(graph)) {
        pdl_fail_memory(&graph->error, sizeof layer, "a layer");
        free_layer(&layer);
        return NULL;
    }
    if (count > 0) memcpy(layer.input, inputs, count * sizeof *inputs);
    layer.first_param = graph->params;
    graph->layers[graph->count] = layer; /* becomes part of the graph in pdl_layer_end */
    return &graph->layers[graph->count];
}

pdl_node pdl_layer_fail(pdl_graph *graph, pdl_layer *layer, pdl_status code, const char *format, ...)
{
    char message[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    pdl_fail(&graph->error, code, "%.200s: %s", layer->name, message);
    free_layer(layer);
    return PDL_NO_NODE;
}

/* Whether the product of the extents, as floats, fits in memory at all; no extent may be 0. */
static bool shape_fits(const size_t *shape, size_t rank)
{
    size_t bytes = sizeof(float);
    for (size_t i = 0; i < rank; i++)
        if (shape[i] == 0 || shape[i] > PDL_MAX_EXTENT || !pdl_size_mul(bytes, shape[i], &bytes)) return false;
    return bytes <= (size_t)INT64_MAX;
}

pdl_node pdl_layer_end(pdl_graph *graph, pdl_layer *layer)
{
    const size_t *shape = layer->shape;
    if (!shape_fits(shape, layer->rank))
        return pdl_layer_fail(graph, layer, PDL_ELIMIT, "its output would be [%zu, %zu, %zu], which no memory holds",
                              shape[0], shape[1], shape[2]);
    for (size_t i = 0; i < layer->params; i++)
        if (!shape_fits(layer->param[i].shape, layer->param[i].rank))
            return pdl_layer_fail(graph, layer, PDL_ELIMIT, "its %s is too large for any memory", layer->param[i].name);
    graph->params += layer->params;
    return (pdl_node)graph->count++;
}

size_t pdl_graph_layer_count(const pdl_graph *graph)
{
    return graph->count;
}

pdl_status pdl_graph_layer(const pdl_graph *graph, pdl_node node, pdl_layer_info *info, pdl_error *error)
{
    if (node < 0 || (size_t)node >= graph->count)
        return pdl_fail(error, PDL_EINVAL, "node %ld is not in the graph of %zu layers", (long)node, graph->count);
    const pdl_layer *layer = pdl_layer_at(graph, node);
    *info = (pdl_layer_info){
        .name = layer->name,
        .kind = pdl_layer_kind_name(layer),
        .inputs = layer->inputs,
        .input = layer->input,
        .rank = layer->rank,
        .params = layer->params,
        .param = layer->param,
    };
    memcpy(info->shape, layer->shape, sizeof info->shape);
    return PDL_OK;
}

pdl_node pdl_graph_find(const pdl_graph *graph, const char *name)
{
    for (size_t i = 0; i < graph->count; i++)
        if (strcmp(graph->layers[i].name, name) == 0) return (pdl_node)i;
    return PDL_NO_NODE;
}
