/* The table of known networks. SPDX-License-Identifier: Apache-2.0 */
#include "zoo/zoo.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

typedef struct family {
    pdl_zoo_spec spec;
    void (*build)(pdl_graph *graph, const pdl_zoo_spec *spec, int include_top);
} family;

/* Input sizes and scalings are keras.applications'; the features are what sparkdl's DeepImageFeaturizer gave. */
static const family families[] = {
    {{"InceptionV3", 299, 299, PDL_PREPROCESS_TF, "mixed10"}, pdl_zoo_inception_v3},
    {{"Xception", 299, 299, PDL_PREPROCESS_TF, "block14_sepconv2_act"}, pdl_zoo_xception},
    {{"ResNet50", 224, 224, PDL_PREPROCESS_CAFFE, "avg_pool"}, pdl_zoo_resnet50},
    {{"VGG16", 224, 224, PDL_PREPROCESS_CAFFE, "block5_pool"}, pdl_zoo_vgg16},
    {{"VGG19", 224, 224, PDL_PREPROCESS_CAFFE, "block5_pool"}, pdl_zoo_vgg19},
};

#define FAMILY_COUNT (sizeof families / sizeof families[0])

size_t pdl_zoo_count(void)
{
    return FAMILY_COUNT;
}

const pdl_zoo_spec *pdl_zoo_spec_at(size_t index)
{
    return index < FAMILY_COUNT ? &families[index].spec : NULL;
}

static const family *find(const char *name)
{
    for (size_t i = 0; i < FAMILY_COUNT; i++) {
        if (strcmp(families[i].spec.name, name) == 0) return &families[i];
    }
    return NULL;
}

pdl_status pdl_zoo_graph(const char *name, int include_top, pdl_graph **out, pdl_error *error)
{
    const family *known = find(name);
    if (known == NULL) {
        return pdl_fail(error, PDL_EINVAL,
                        "unknown network \"%.64s\": expected InceptionV3, Xception, ResNet50, VGG16 or VGG19", name);
    }
    pdl_graph *graph = NULL;
    pdl_status status = pdl_graph_create(&graph, error);
    if (status != PDL_OK) return status;
    known->build(graph, &known->spec, include_top);
    status = pdl_graph_status(graph, error);
    if (status != PDL_OK) {
        pdl_graph_destroy(graph);
        return status;
    }
    *out = graph;
    return PDL_OK;
}

const char *pdl_zoo_auto_name(char name[PDL_ZOO_NAME], const char *kind, size_t *count)
{
    size_t number = (*count)++;
    return number == 0 ? kind : pdl_zoo_name(name, "%s_%zu", kind, number);
}

const char *pdl_zoo_name(char name[PDL_ZOO_NAME], const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(name, PDL_ZOO_NAME, format, values);
    va_end(values);
    return name;
}

void pdl_zoo_top(pdl_graph *graph, pdl_node x)
{
    x = pdl_graph_global_avg_pool(graph, "avg_pool", x, 0);
    pdl_graph_dense(graph, "predictions", x, PDL_ZOO_CLASSES, 1, PDL_ACTIVATION_SOFTMAX);
}
