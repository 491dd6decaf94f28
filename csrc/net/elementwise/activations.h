/* Activations as the operations of a program have them. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_NET_ELEMENTWISE_ACTIVATIONS_H
#define PDL_NET_ELEMENTWISE_ACTIVATIONS_H

#include "pydeepl.h"

#include <dnnl.h>
#include <stdbool.h>

/* A function of one number; LINEAR: none. */
typedef struct pdl_function {
    pdl_activation kind;
    float p[PDL_MAX_ACTIVATION_PARAMETERS];
} pdl_function;

static inline bool pdl_function_is_set(const pdl_function *function)
{
    return function->kind != PDL_ACTIVATION_LINEAR;
}

/* Whether the activation of one number depends on its whole row: no pdl_function then. */
static inline bool pdl_activation_is_of_rows(pdl_activation activation)
{
    return activation >= PDL_ACTIVATION_SOFTMAX;
}

/* parameters: as many as the activation has. */
pdl_function pdl_function_make(pdl_activation activation, const double *parameters);

/* Whether it is min(max(0, x), *ceiling), as relu6 is. */
bool pdl_function_clips(const pdl_function *function, float *ceiling);

/* oneDNN's operation that computes the same, with its parameters; false where there is none. */
bool pdl_function_as_eltwise(const pdl_function *function, dnnl_alg_kind_t *kind, float *alpha, float *beta);

#endif
