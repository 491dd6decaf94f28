/* Xception: residual blocks of depthwise separable convolutions.
 * Chollet, arXiv:1610.02357; layers as keras.applications.xception names them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "zoo/zoo.h"

#define EPSILON 1e-3
#define MIDDLE 728 /* channels from block 4 to block 13 */

typedef struct xception {
    pdl_graph *graph;
    size_t convs, norms, adds; /* layers that were given no name so far */
} xception;

static pdl_node batch_norm(xception *net, const char *layer, pdl_node x)
{
    char name[PDL_ZOO_NAME];
    return pdl_graph_batch_norm(net->graph, pdl_zoo_name(name, "%s_bn", layer), x, EPSILON, 1, 1);
}

static pdl_node relu(xception *net, const char *layer, pdl_node x)
{
    char name[PDL_ZOO_NAME];
    return pdl_graph_activation(net->graph, pdl_zoo_name(name, "%s_act", layer), x, PDL_ACTIVATION_RELU, NULL);
}

/* A 3x3 convolution of the stem: conv, batch norm, relu. */
static pdl_node conv(xception *net, const char *layer, pdl_node x, size_t filters, size_t stride)
{
    const pdl_conv2d_spec spec = {.filters = filters, .kernel = {3, 3}, .stride = {stride, stride}};
    return relu(net, layer, batch_norm(net, layer, pdl_graph_conv2d(net->graph, layer, x, &spec)));
}

/* A 3x3 separable convolution and its batch norm. */
static pdl_node separable_bn(xception *net, const char *layer, pdl_node x, size_t filters)
{
    const pdl_conv2d_spec spec = {.filters = filters, .kernel = {3, 3}, .padding = PDL_PADDING_SAME};
    return batch_norm(net, layer, pdl_graph_separable_conv2d(net->graph, layer, x, &spec));
}

/* The strided 1x1 projection beside a block; Keras leaves both of its layers unnamed. */
static pdl_node shortcut(xception *net, pdl_node x, size_t filters)
{
    const pdl_conv2d_spec spec = {.filters = filters, .kernel = {1, 1}, .stride = {2, 2}, .padding = PDL_PADDING_SAME};
    char name[PDL_ZOO_NAME];
    x = pdl_graph_conv2d(net->graph, pdl_zoo_auto_name(name, "conv2d", &net->convs), x, &spec);
    return pdl_graph_batch_norm(net->graph, pdl_zoo_auto_name(name, "batch_normalization", &net->norms), x, EPSILON, 1,
                                1);
}

static pdl_node add(xception *net, pdl_node x, pdl_node residual)
{
    char name[PDL_ZOO_NAME];
    const pdl_node terms[] = {x, residual};
    return pdl_graph_add(net->graph, pdl_zoo_auto_name(name, "add", &net->adds), terms, 2);
}

/* A block that halves the map: two separable convolutions and a pooling, beside a strided projection. */
static pdl_node reduction(xception *net, pdl_node x, size_t block, size_t first, size_t second)
{
    char layer[PDL_ZOO_NAME];
    pdl_node residual = shortcut(net, x, second);
    pdl_zoo_name(layer, "block%zu_sepconv1", block);
    if (block > 2) x = relu(net, layer, x); /* block 2 follows the stem's relu */
    x = separable_bn(net, layer, x, first);
    pdl_zoo_name(layer, "block%zu_sepconv2", block);
    x = separable_bn(net, layer, relu(net, layer, x), second);

    const pdl_pool2d_spec pool = {.size = {3, 3}, .stride = {2, 2}, .padding = PDL_PADDING_SAME};
    x = pdl_graph_max_pool2d(net->graph, pdl_zoo_name(layer, "block%zu_pool", block), x, &pool);
    return add(net, x, residual);
}

/* A block of the middle flow: three separable convolutions beside the identity. */
static pdl_node middle(xception *net, pdl_node x, size_t block)
{
    char layer[PDL_ZOO_NAME];
    pdl_node residual = x;
    for (size_t i = 1; i <= 3; i++) {
        pdl_zoo_name(layer, "block%zu_sepconv%zu", block, i);
        x = separable_bn(net, layer, relu(net, layer, x), MIDDLE);
    }
    return add(net, x, residual);
}

void pdl_zoo_xception(pdl_graph *graph, const pdl_zoo_spec *spec, int include_top)
{
    xception net = {.graph = graph};
    pdl_node x = pdl_graph_input(graph, "input_layer", 3, (size_t[]){spec->height, spec->width, 3});
    x = conv(&net, "block1_conv1", x, 32, 2);
    x = conv(&net, "block1_conv2", x, 64, 1);
    x = reduction(&net, x, 2, 128, 128);
    x = reduction(&net, x, 3, 256, 256);
    x = reduction(&net, x, 4, MIDDLE, MIDDLE);
    for (size_t block = 5; block <= 12; block++) {
        x = middle(&net, x, block);
    }
    x = reduction(&net, x, 13, MIDDLE, 1024);
    x = relu(&net, "block14_sepconv1", separable_bn(&net, "block14_sepconv1", x, 1536));
    x = relu(&net, "block14_sepconv2", separable_bn(&net, "block14_sepconv2", x, 2048));
    if (include_top) pdl_zoo_top(graph, x);
}
