/* The one table of activations; what each computes is in functions.h. SPDX-License-Identifier: Apache-2.0 */
#include "net/elementwise/activations.h"

#include <string.h>

/* The places of alpha and beta in oneDNN's operation: a number of the activation's own parameters, or a constant. */
typedef struct eltwise {
    dnnl_alg_kind_t kind; /* 0: oneDNN has none */
    bool takes_alpha, takes_beta;
    float alpha, beta;
} eltwise;

static const struct {
    pdl_activation_info info;
    eltwise eltwise;
} table[PDL_ACTIVATIONS] = {
    [PDL_ACTIVATION_LINEAR] = {{"linear", 0, {0}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_RELU] = {{"relu", 0, {0}}, {.kind = dnnl_eltwise_relu}},
    [PDL_ACTIVATION_BOUNDED_RELU] = {{"bounded_relu", 3, {0.0, 6.0, 0.0}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_LEAKY_RELU] = {{"leaky_relu", 1, {0.2}}, {.kind = dnnl_eltwise_relu, .takes_alpha = true}},
    [PDL_ACTIVATION_ELU] = {{"elu", 1, {1.0}}, {.kind = dnnl_eltwise_elu, .takes_alpha = true}},
    [PDL_ACTIVATION_SELU] = {{"selu", 0, {0}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_CELU] = {{"celu", 1, {1.0}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_GELU] = {{"gelu", 0, {0}}, {.kind = dnnl_eltwise_gelu_erf}},
    [PDL_ACTIVATION_GELU_TANH] = {{"gelu_tanh", 0, {0}}, {.kind = dnnl_eltwise_gelu_tanh}},
    [PDL_ACTIVATION_SIGMOID] = {{"sigmoid", 0, {0}}, {.kind = dnnl_eltwise_logistic}},
    [PDL_ACTIVATION_TANH] = {{"tanh", 0, {0}}, {.kind = dnnl_eltwise_tanh}},
    [PDL_ACTIVATION_SILU] = {{"silu", 0, {0}}, {.kind = dnnl_eltwise_swish, .alpha = 1.0f}},
    [PDL_ACTIVATION_HARD_SIGMOID] = {{"hard_sigmoid", 2, {1.0 / 6.0, 0.5}},
                                     {.kind = dnnl_eltwise_hardsigmoid, .takes_alpha = true, .takes_beta = true}},
    [PDL_ACTIVATION_HARD_SILU] = {{"hard_silu", 0, {0}},
                                  {.kind = dnnl_eltwise_hardswish, .alpha = 1.0f / 6.0f, .beta = 0.5f}},
    [PDL_ACTIVATION_SOFTPLUS] = {{"softplus", 0, {0}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_SOFTSIGN] = {{"softsign", 0, {0}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_EXPONENTIAL] = {{"exponential", 0, {0}}, {.kind = dnnl_eltwise_exp}},
    [PDL_ACTIVATION_MISH] = {{"mish", 0, {0}}, {.kind = dnnl_eltwise_mish}},
    [PDL_ACTIVATION_LOG_SIGMOID] = {{"log_sigmoid", 0, {0}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_TANH_SHRINK] = {{"tanh_shrink", 0, {0}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_SOFT_SHRINK] = {{"soft_shrink", 1, {0.5}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_HARD_SHRINK] = {{"hard_shrink", 1, {0.5}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_SQUAREPLUS] = {{"squareplus", 1, {4.0}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_SPARSE_PLUS] = {{"sparse_plus", 0, {0}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_SPARSE_SIGMOID] = {{"sparse_sigmoid", 0, {0}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_THRESHOLD] = {{"threshold", 2, {0.0, 0.0}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_HARD_TANH] = {{"hard_tanh", 0, {0}}, {.kind = dnnl_eltwise_clip, .alpha = -1.0f, .beta = 1.0f}},
    [PDL_ACTIVATION_SOFTMAX] = {{"softmax", 0, {0}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_LOG_SOFTMAX] = {{"log_softmax", 0, {0}}, {.kind = dnnl_alg_kind_undef}},
    [PDL_ACTIVATION_SPARSEMAX] = {{"sparsemax", 0, {0}}, {.kind = dnnl_alg_kind_undef}},
};

const pdl_activation_info *pdl_activation_at(pdl_activation activation)
{
    return (int)activation < 0 || activation >= PDL_ACTIVATIONS ? NULL : &table[activation].info;
}

pdl_function pdl_function_make(pdl_activation activation, const double *parameters)
{
    pdl_function function = {.kind = activation};
    for (size_t i = 0; i < table[activation].info.parameters; i++)
        function.p[i] = (float)parameters[i];
    return function;
}

bool pdl_function_clips(const pdl_function *function, float *ceiling)
{
    const float *p = function->p;
    if (function->kind != PDL_ACTIVATION_BOUNDED_RELU || p[0] != 0.0f || p[1] < 0.0f || p[2] != 0.0f) return false;
    *ceiling = p[1];
    return true;
}

bool pdl_function_as_eltwise(const pdl_function *function, dnnl_alg_kind_t *kind, float *alpha, float *beta)
{
    const eltwise *found = &table[function->kind].eltwise;
    if (pdl_function_clips(function, beta)) {
        *kind = dnnl_eltwise_clip;
        *alpha = 0.0f;
        return true;
    }
    if (found->kind == dnnl_alg_kind_undef) return false;
    *kind = found->kind;
    *alpha = found->takes_alpha ? function->p[0] : found->alpha;
    *beta = found->takes_beta ? function->p[1] : found->beta;
    return true;
}
