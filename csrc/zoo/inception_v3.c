/* InceptionV3: modules of parallel branches whose maps are concatenated.
 * Szegedy et al., arXiv:1512.00567; layers as keras.applications.inception_v3 creates them, where all but the
 * concatenations are unnamed (conv2d, batch_normalization, activation, ...).
 * SPDX-License-Identifier: Apache-2.0 */
#include "zoo/zoo.h"

#define EPSILON 1e-3

typedef struct inception {
    pdl_graph *graph;
    size_t convs, norms, activations, max_pools, avg_pools, concats; /* layers of each kind so far */
} inception;

/* A convolution, batch norm (without gamma) and relu. */
typedef struct unit {
    size_t filters, height, width; /* output channels; the kernel's size */
    size_t stride;                 /* 0 = 1 */
    pdl_padding padding;
} unit;

#define UNIT(filters, height, width) {filters, height, width, 1, PDL_PADDING_SAME}
#define VALID(filters, height, width) {filters, height, width, 1, PDL_PADDING_VALID}
#define HALVE(filters, height, width) {filters, height, width, 2, PDL_PADDING_VALID}

typedef enum pooling { NO_POOL, MEAN, MAX_HALVE } pooling;

/* A pooling, if any, then units, up to the first without filters. */
#define MAX_UNITS 5
typedef struct branch {
    pooling pool;
    unit units[MAX_UNITS];
} branch;

static pdl_node conv_bn(inception *net, pdl_node x, const unit *u)
{
    char name[PDL_ZOO_NAME];
    const pdl_conv2d_spec spec = {.filters = u->filters,
                                  .kernel = {u->height, u->width},
                                  .stride = {u->stride, u->stride},
                                  .padding = u->padding};
    x = pdl_graph_conv2d(net->graph, pdl_zoo_auto_name(name, "conv2d", &net->convs), x, &spec);
    pdl_graph *graph = net->graph;
    x = pdl_graph_batch_norm(graph, pdl_zoo_auto_name(name, "batch_normalization", &net->norms), x, EPSILON, 0, 1);
    return pdl_graph_activation(graph, pdl_zoo_auto_name(name, "activation", &net->activations), x, PDL_ACTIVATION_RELU,
                                NULL);
}

static pdl_node max_pool(inception *net, pdl_node x)
{
    char name[PDL_ZOO_NAME];
    const pdl_pool2d_spec spec = {.size = {3, 3}, .stride = {2, 2}, .padding = PDL_PADDING_VALID};
    return pdl_graph_max_pool2d(net->graph, pdl_zoo_auto_name(name, "max_pooling2d", &net->max_pools), x, &spec);
}

static pdl_node mean_pool(inception *net, pdl_node x)
{
    char name[PDL_ZOO_NAME];
    const pdl_pool2d_spec spec = {.size = {3, 3}, .stride = {1, 1}, .padding = PDL_PADDING_SAME};
    return pdl_graph_avg_pool2d(net->graph, pdl_zoo_auto_name(name, "average_pooling2d", &net->avg_pools), x, &spec);
}

static pdl_node build_branch(inception *net, pdl_node x, const branch *b)
{
    if (b->pool == MEAN) x = mean_pool(net, x);
    if (b->pool == MAX_HALVE) x = max_pool(net, x);
    for (size_t i = 0; i < MAX_UNITS && b->units[i].filters > 0; i++) {
        x = conv_bn(net, x, &b->units[i]);
    }
    return x;
}

#define MAX_BRANCHES 4

/* The branches side by side, concatenated as mixed{index}. */
static pdl_node module(inception *net, pdl_node x, size_t index, const branch *branches, size_t count)
{
    pdl_node outputs[MAX_BRANCHES];
    for (size_t i = 0; i < count; i++) {
        outputs[i] = build_branch(net, x, &branches[i]);
    }
    char name[PDL_ZOO_NAME];
    return pdl_graph_concat(net->graph, pdl_zoo_name(name, "mixed%zu", index), outputs, count);
}

static pdl_node stem(inception *net, pdl_node x)
{
    static const branch before = {NO_POOL, {HALVE(32, 3, 3), VALID(32, 3, 3), UNIT(64, 3, 3)}};
    static const branch after = {MAX_HALVE, {VALID(80, 1, 1), VALID(192, 3, 3)}};
    return max_pool(net, build_branch(net, build_branch(net, x, &before), &after));
}

/* mixed0 to mixed2, on 35x35: 5x5 and double 3x3 convolutions. */
static pdl_node module_35(inception *net, pdl_node x, size_t index, size_t pooled)
{
    const branch branches[] = {
        {NO_POOL, {UNIT(64, 1, 1)}},
        {NO_POOL, {UNIT(48, 1, 1), UNIT(64, 5, 5)}},
        {NO_POOL, {UNIT(64, 1, 1), UNIT(96, 3, 3), UNIT(96, 3, 3)}},
        {MEAN, {UNIT(pooled, 1, 1)}},
    };
    return module(net, x, index, branches, 4);
}

/* mixed3: 35x35 to 17x17. */
static pdl_node reduce_35(inception *net, pdl_node x)
{
    static const branch branches[] = {
        {NO_POOL, {HALVE(384, 3, 3)}},
        {NO_POOL, {UNIT(64, 1, 1), UNIT(96, 3, 3), HALVE(96, 3, 3)}},
        {MAX_HALVE, {{0}}},
    };
    return module(net, x, 3, branches, 3);
}

/* mixed4 to mixed7, on 17x17: 7x7 convolutions as pairs of 1x7 and 7x1, `inner` channels wide. */
static pdl_node module_17(inception *net, pdl_node x, size_t index, size_t inner)
{
    const branch branches[] = {
        {NO_POOL, {UNIT(192, 1, 1)}},
        {NO_POOL, {UNIT(inner, 1, 1), UNIT(inner, 1, 7), UNIT(192, 7, 1)}},
        {NO_POOL, {UNIT(inner, 1, 1), UNIT(inner, 7, 1), UNIT(inner, 1, 7), UNIT(inner, 7, 1), UNIT(192, 1, 7)}},
        {MEAN, {UNIT(192, 1, 1)}},
    };
    return module(net, x, index, branches, 4);
}

/* mixed8: 17x17 to 8x8. */
static pdl_node reduce_17(inception *net, pdl_node x)
{
    static const branch branches[] = {
        {NO_POOL, {UNIT(192, 1, 1), HALVE(320, 3, 3)}},
        {NO_POOL, {UNIT(192, 1, 1), UNIT(192, 1, 7), UNIT(192, 7, 1), HALVE(192, 3, 3)}},
        {MAX_HALVE, {{0}}},
    };
    return module(net, x, 8, branches, 3);
}

/* The fork of mixed9 and mixed10: a 1x3 and a 3x1 convolution of one map, concatenated. */
static pdl_node fork_13_31(inception *net, pdl_node x, const char *name)
{
    static const unit flat = UNIT(384, 1, 3), tall = UNIT(384, 3, 1);
    pdl_node outputs[2];
    outputs[0] = conv_bn(net, x, &flat);
    outputs[1] = conv_bn(net, x, &tall);
    return pdl_graph_concat(net->graph, name, outputs, 2);
}

/* mixed9 and mixed10, on 8x8. */
static pdl_node module_8(inception *net, pdl_node x, size_t index)
{
    static const branch narrow = {NO_POOL, {UNIT(320, 1, 1)}};
    static const branch single = {NO_POOL, {UNIT(384, 1, 1)}};
    static const branch twice = {NO_POOL, {UNIT(448, 1, 1), UNIT(384, 3, 3)}};
    static const branch pooled = {MEAN, {UNIT(192, 1, 1)}};
    char name[PDL_ZOO_NAME];
    pdl_node outputs[MAX_BRANCHES];
    outputs[0] = build_branch(net, x, &narrow);
    outputs[1] = build_branch(net, x, &single);
    outputs[1] = fork_13_31(net, outputs[1], pdl_zoo_name(name, "mixed9_%zu", index - 9));
    outputs[2] = build_branch(net, x, &twice);
    outputs[2] = fork_13_31(net, outputs[2], pdl_zoo_auto_name(name, "concatenate", &net->concats));
    outputs[3] = build_branch(net, x, &pooled);
    return pdl_graph_concat(net->graph, pdl_zoo_name(name, "mixed%zu", index), outputs, MAX_BRANCHES);
}

void pdl_zoo_inception_v3(pdl_graph *graph, const pdl_zoo_spec *spec, int include_top)
{
    inception net = {.graph = graph};
    pdl_node x = stem(&net, pdl_graph_input(graph, "input_layer", 3, (size_t[]){spec->height, spec->width, 3}));
    x = module_35(&net, x, 0, 32);
    x = module_35(&net, x, 1, 64);
    x = module_35(&net, x, 2, 64);
    x = reduce_35(&net, x);
    x = module_17(&net, x, 4, 128);
    x = module_17(&net, x, 5, 160);
    x = module_17(&net, x, 6, 160);
    x = module_17(&net, x, 7, 192);
    x = reduce_17(&net, x);
    x = module_8(&net, x, 9);
    x = module_8(&net, x, 10);
    if (include_top) pdl_zoo_top(graph, x);
}
