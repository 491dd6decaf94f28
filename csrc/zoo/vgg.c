/* VGG16 and VGG19: five blocks of 3x3 convolutions, each ended by a pooling that halves the map.
 * Simonyan & Zisserman, arXiv:1409.1556; layers as keras.applications.vgg16 and vgg19 name them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "zoo/zoo.h"

#define BLOCKS 5

static void vgg(pdl_graph *graph, const pdl_zoo_spec *spec, int include_top, const size_t convolutions[BLOCKS])
{
    static const size_t filters[BLOCKS] = {64, 128, 256, 512, 512};
    char name[PDL_ZOO_NAME];
    pdl_node x = pdl_graph_input(graph, "input_layer", 3, (size_t[]){spec->height, spec->width, 3});
    for (size_t block = 0; block < BLOCKS; block++) {
        const pdl_conv2d_spec conv = {.filters = filters[block],
                                      .kernel = {3, 3},
                                      .padding = PDL_PADDING_SAME,
                                      .use_bias = 1,
                                      .activation = PDL_ACTIVATION_RELU};
        for (size_t i = 0; i < convolutions[block]; i++) {
            x = pdl_graph_conv2d(graph, pdl_zoo_name(name, "block%zu_conv%zu", block + 1, i + 1), x, &conv);
        }
        const pdl_pool2d_spec pool = {.size = {2, 2}, .padding = PDL_PADDING_VALID};
        x = pdl_graph_max_pool2d(graph, pdl_zoo_name(name, "block%zu_pool", block + 1), x, &pool);
    }
    if (!include_top) return;
    x = pdl_graph_flatten(graph, "flatten", x);
    x = pdl_graph_dense(graph, "fc1", x, 4096, 1, PDL_ACTIVATION_RELU);
    x = pdl_graph_dense(graph, "fc2", x, 4096, 1, PDL_ACTIVATION_RELU);
    pdl_graph_dense(graph, "predictions", x, PDL_ZOO_CLASSES, 1, PDL_ACTIVATION_SOFTMAX);
}

void pdl_zoo_vgg16(pdl_graph *graph, const pdl_zoo_spec *spec, int include_top)
{
    static const size_t convolutions[BLOCKS] = {2, 2, 3, 3, 3};
    vgg(graph, spec, include_top, convolutions);
}

void pdl_zoo_vgg19(pdl_graph *graph, const pdl_zoo_spec *spec, int include_top)
{
    static const size_t convolutions[BLOCKS] = {2, 2, 4, 4, 4};
    vgg(graph, spec, include_top, convolutions);
}
