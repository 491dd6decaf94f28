/* What the families of networks share. SPDX-License-Identifier: Apache-2.0
 *
 * A family is a function that appends its layers to a graph, in the order in which keras.applications creates them and
 * with the names they get in a fresh Keras session. Nothing here is checked call by call: a graph keeps its first
 * mistake, and pdl_zoo_graph looks once at the end. */
#ifndef PDL_ZOO_H
#define PDL_ZOO_H

#include "pydeepl.h"

#define PDL_ZOO_CLASSES 1000 /* of ImageNet */
#define PDL_ZOO_NAME 64      /* bytes of the longest layer name, NUL included */

void pdl_zoo_inception_v3(pdl_graph *graph, const pdl_zoo_spec *spec, int include_top);
void pdl_zoo_xception(pdl_graph *graph, const pdl_zoo_spec *spec, int include_top);
void pdl_zoo_resnet50(pdl_graph *graph, const pdl_zoo_spec *spec, int include_top);
void pdl_zoo_vgg16(pdl_graph *graph, const pdl_zoo_spec *spec, int include_top);
void pdl_zoo_vgg19(pdl_graph *graph, const pdl_zoo_spec *spec, int include_top);

/* Keras' name for the next layer of a kind that was given none: "conv2d", "conv2d_1", ... Counts it. */
const char *pdl_zoo_auto_name(char name[PDL_ZOO_NAME], const char *kind, size_t *count);

/* The name as printf would write it, returned for use in the call that needs it. */
const char *pdl_zoo_name(char name[PDL_ZOO_NAME], const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The top of all families but VGG: the mean over the map ("avg_pool"), then ImageNet's classes ("predictions"). */
void pdl_zoo_top(pdl_graph *graph, pdl_node x);

#endif
