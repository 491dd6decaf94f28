/* ResNet50: bottleneck blocks (1x1, 3x3, 1x1 convolutions) whose output is added to their input.
 * He et al., arXiv:1512.03385; layers as keras.applications.resnet names them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "zoo/zoo.h"

#define EPSILON 1.001e-5

/* A bottleneck block's place: conv{stage}_block{block}_... */
typedef struct bottleneck {
    size_t stage, block;
    size_t filters; /* of the first two convolutions; the third has four times as many */
    size_t stride;
} bottleneck;

/* Convolution and batch norm `part` of a block: conv{stage}_block{block}_{part}_conv and ..._bn. */
static pdl_node conv_bn(pdl_graph *graph, const bottleneck *at, size_t part, pdl_node x, const pdl_conv2d_spec *conv)
{
    char name[PDL_ZOO_NAME];
    x = pdl_graph_conv2d(graph, pdl_zoo_name(name, "conv%zu_block%zu_%zu_conv", at->stage, at->block, part), x, conv);
    pdl_zoo_name(name, "conv%zu_block%zu_%zu_bn", at->stage, at->block, part);
    return pdl_graph_batch_norm(graph, name, x, EPSILON, 1, 1);
}

static pdl_node relu(pdl_graph *graph, const bottleneck *at, size_t part, pdl_node x)
{
    char name[PDL_ZOO_NAME];
    pdl_zoo_name(name, "conv%zu_block%zu_%zu_relu", at->stage, at->block, part);
    return pdl_graph_activation(graph, name, x, PDL_ACTIVATION_RELU, NULL);
}

static pdl_node residual(pdl_graph *graph, const bottleneck *at, pdl_node x)
{
    const pdl_conv2d_spec narrow = {
        .filters = at->filters, .kernel = {1, 1}, .stride = {at->stride, at->stride}, .use_bias = 1};
    const pdl_conv2d_spec spatial = {
        .filters = at->filters, .kernel = {3, 3}, .padding = PDL_PADDING_SAME, .use_bias = 1};
    const pdl_conv2d_spec widen = {.filters = 4 * at->filters, .kernel = {1, 1}, .use_bias = 1};
    const pdl_conv2d_spec project = {
        .filters = 4 * at->filters, .kernel = {1, 1}, .stride = {at->stride, at->stride}, .use_bias = 1};

    /* Only a stage's first block changes the shape, and so needs a projected shortcut. */
    pdl_node shortcut = at->block == 1 ? conv_bn(graph, at, 0, x, &project) : x;
    x = relu(graph, at, 1, conv_bn(graph, at, 1, x, &narrow));
    x = relu(graph, at, 2, conv_bn(graph, at, 2, x, &spatial));
    x = conv_bn(graph, at, 3, x, &widen);

    char name[PDL_ZOO_NAME];
    const pdl_node terms[] = {shortcut, x};
    x = pdl_graph_add(graph, pdl_zoo_name(name, "conv%zu_block%zu_add", at->stage, at->block), terms, 2);
    pdl_zoo_name(name, "conv%zu_block%zu_out", at->stage, at->block);
    return pdl_graph_activation(graph, name, x, PDL_ACTIVATION_RELU, NULL);
}

static pdl_node stem(pdl_graph *graph, pdl_node x)
{
    const pdl_conv2d_spec conv = {.filters = 64, .kernel = {7, 7}, .stride = {2, 2}, .use_bias = 1};
    const pdl_pool2d_spec pool = {.size = {3, 3}, .stride = {2, 2}};
    x = pdl_graph_zero_pad(graph, "conv1_pad", x, 3, 3, 3, 3);
    x = pdl_graph_conv2d(graph, "conv1_conv", x, &conv);
    x = pdl_graph_batch_norm(graph, "conv1_bn", x, EPSILON, 1, 1);
    x = pdl_graph_activation(graph, "conv1_relu", x, PDL_ACTIVATION_RELU, NULL);
    x = pdl_graph_zero_pad(graph, "pool1_pad", x, 1, 1, 1, 1);
    return pdl_graph_max_pool2d(graph, "pool1_pool", x, &pool);
}

void pdl_zoo_resnet50(pdl_graph *graph, const pdl_zoo_spec *spec, int include_top)
{
    static const struct {
        size_t filters, blocks, stride;
    } stages[] = {{64, 3, 1}, {128, 4, 2}, {256, 6, 2}, {512, 3, 2}};

    pdl_node x = stem(graph, pdl_graph_input(graph, "input_layer", 3, (size_t[]){spec->height, spec->width, 3}));
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        for (size_t block = 1; block <= stages[i].blocks; block++) {
            const bottleneck at = {.stage = i + 2,
                                   .block = block,
                                   .filters = stages[i].filters,
                                   .stride = block == 1 ? stages[i].stride : 1};
            x = residual(graph, &at, x);
        }
    }
    /* Without its top too it ends with the pooling, as Keras' did in sparkdl's time: 2048 features. */
    if (include_top)
        pdl_zoo_top(graph, x);
    else
        pdl_graph_global_avg_pool(graph, "avg_pool", x, 0);
}
