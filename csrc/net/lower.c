/* Graph -> program: every layer that the output needs becomes one operation or two. SPDX-License-Identifier: Apache-2.0
 *
 *     Conv2D, Dense            conv / dense (+ softmax)
 *     SeparableConv2D          depthwise, conv 1x1
 *     BatchNormalization       affine: scale = gamma / sqrt(variance + epsilon), shift = beta - mean scale, in double
 *     Activation               affine that is all relu or another function of one number, or softmax
 *     Rescaling, LayerScale, Normalization     affine
 *     Add, Multiply, ...       add where all inputs have the output's shape, else merge; Average: and an affine
 *     Flatten, linear          nothing: another name for the same value */
#define _POSIX_C_SOURCE 200809L /* strdup */
#include "net/lower.h"
#include "base/memory.h"
#include "base/status.h"
#include "net/packed.h"
#include "net/winograd/winograd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

pdl_status pdl_lower_no_memory(pdl_lowering *low, const pdl_layer *layer)
{
    return pdl_fail(low->error, PDL_ENOMEM, "%s: out of memory for its weights", layer->name);
}

/* Of a layer of rank 4, the first two axes are one. */
static size_t rows_of(const pdl_layer *layer)
{
    if (layer->rank < 3) return 1;
    return layer->rank == 3 ? layer->shape[0] : layer->shape[0] * layer->shape[1];
}

static int add_value(pdl_program *program, const pdl_layer *layer, size_t channels)
{
    program->values[program->value_count] = (pdl_value){
        .height = rows_of(layer),
        .width = layer->rank >= 2 ? layer->shape[layer->rank - 2] : 1,
        .channels = channels,
        .producer = -1,
    };
    return (int)program->value_count++;
}

pdl_op *pdl_lower_op(pdl_lowering *low, const pdl_layer *layer, pdl_op_kind kind, const int *inputs, size_t count,
                     size_t channels)
{
    pdl_program *program = low->program;
    pdl_op *op = &program->ops[program->op_count];
    *op = (pdl_op){.kind = kind, .inputs = count, .window = layer->window};
    program->op_count++; /* pdl_program_clear frees what follows, even half-way */
    op->layer = strdup(layer->name);
    op->input = calloc(count + 1, sizeof *op->input); /* room for a summand */
    if (op->layer == NULL || op->input == NULL) {
        pdl_lower_no_memory(low, layer);
        return NULL;
    }
    memcpy(op->input, inputs, count * sizeof *inputs);
    op->output = add_value(program, layer, channels);
    return op;
}

/* The layer's parameter `index`; NULL with the error set when the caller gave none. */
const float *pdl_lower_param(pdl_lowering *low, const pdl_layer *layer, size_t index)
{
    const float *values = low->params[layer->first_param + index];
    if (values == NULL)
        pdl_fail(low->error, PDL_ESHAPE, "%s: its %s is missing", layer->name, layer->param[index].name);
    return values;
}

pdl_status pdl_lower_weight(pdl_lowering *low, const pdl_layer *layer, size_t index, pdl_op *op)
{
    const pdl_param_info *info = &layer->param[index];
    const float *values = pdl_lower_param(low, layer, index);
    if (values == NULL) return PDL_ESHAPE;
    op->weights = 1;
    for (size_t i = 0; i < info->rank; i++)
        op->weights *= info->shape[i]; /* was checked by pdl_layer_end */
    op->given = values;
    return PDL_OK;
}

/* A transposed convolution's kernel [.., out, in] as [.., in, out]. */
static pdl_status swap_channels(pdl_lowering *low, const pdl_layer *layer, pdl_op *op)
{
    size_t in = layer->param[0].shape[layer->param[0].rank - 1], out = layer->shape[layer->rank - 1];
    float *swapped = pdl_alloc(op->weights, sizeof *swapped);
    if (swapped == NULL) return pdl_lower_no_memory(low, layer);
    for (size_t tap = 0; tap < op->weights; tap += in * out)
        for (size_t o = 0; o < out; o++)
            for (size_t i = 0; i < in; i++)
                swapped[tap + i * out + o] = op->given[tap + o * in + i];
    op->given = NULL;
    op->weight = swapped;
    return PDL_OK;
}

/* The bias is a layer's last parameter. */
pdl_status pdl_lower_shift(pdl_lowering *low, const pdl_layer *layer, pdl_op *op)
{
    size_t channels = layer->param[layer->params - 1].shape[0];
    const float *values = pdl_lower_param(low, layer, layer->params - 1);
    if (values == NULL) return PDL_ESHAPE;
    op->shift = pdl_alloc(channels, sizeof *op->shift);
    if (op->shift == NULL) return pdl_lower_no_memory(low, layer);
    for (size_t i = 0; i < channels; i++)
        op->shift[i] = values[i];
    return PDL_OK;
}

static void set_function(const pdl_layer *layer, pdl_op *op)
{
    op->relu = layer->activation == PDL_ACTIVATION_RELU;
    if (!op->relu) op->function = pdl_function_make(layer->activation, layer->parameters);
}

/* The activation that ends a layer whose values are in `op`; *value is the result. */
static pdl_status lower_activation(pdl_lowering *low, const pdl_layer *layer, pdl_op *op, int *value)
{
    *value = op->output;
    if (!pdl_activation_is_of_rows(layer->activation)) {
        set_function(layer, op);
        return PDL_OK;
    }
    op = pdl_lower_op(low, layer, PDL_OP_SOFTMAX, value, 1, low->program->values[*value].channels);
    if (op == NULL) return PDL_ENOMEM;
    op->activation = layer->activation;
    *value = op->output;
    return PDL_OK;
}

static pdl_status lower_weighted(pdl_lowering *low, const pdl_layer *layer, int x, int *value)
{
    pdl_status status = PDL_OK;
    size_t channels = layer->shape[layer->rank - 1], kernel = 0;
    pdl_op_kind kind = PDL_OP_CONV;
    pdl_window pointwise = {{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}};
    if (layer->kind == PDL_KIND_SEPARABLE_CONV2D) {
        size_t middle = low->program->values[x].channels * layer->multiplier;
        pdl_op *depthwise = pdl_lower_op(low, layer, PDL_OP_DEPTHWISE, &x, 1, middle);
        if (depthwise == NULL) return PDL_ENOMEM;
        depthwise->multiplier = layer->multiplier;
        if ((status = pdl_lower_weight(low, layer, kernel++, depthwise)) != PDL_OK) return status;
        x = depthwise->output;
    }
    if (layer->kind == PDL_KIND_DEPTHWISE_CONV2D) kind = PDL_OP_DEPTHWISE;
    if (layer->kind == PDL_KIND_DENSE && layer->rank == 1) kind = PDL_OP_DENSE;
    if (layer->kind == PDL_KIND_CONV2D && layer->groups > 1) kind = PDL_OP_GROUP_CONV;
    if (layer->kind == PDL_KIND_CONV2D_TRANSPOSE) kind = PDL_OP_DECONV;
    pdl_op *op = pdl_lower_op(low, layer, kind, &x, 1, channels);
    if (op == NULL) return PDL_ENOMEM;
    op->multiplier = layer->multiplier;
    op->groups = layer->groups;
    /* A dense layer on a feature map is a convolution of one pixel. */
    if (layer->kind == PDL_KIND_SEPARABLE_CONV2D || layer->kind == PDL_KIND_DENSE) op->window = pointwise;
    if ((status = pdl_lower_weight(low, layer, kernel, op)) != PDL_OK) return status;
    if (kind == PDL_OP_DECONV && (status = swap_channels(low, layer, op)) != PDL_OK) return status;
    if (layer->use_bias && (status = pdl_lower_shift(low, layer, op)) != PDL_OK) return status;
    return lower_activation(low, layer, op, value);
}

static pdl_status lower_batch_norm(pdl_lowering *low, const pdl_layer *layer, int x, int *value)
{
    size_t channels = layer->shape[layer->rank - 1], next = 0;
    const float *array[PDL_MAX_PARAMS] = {NULL};
    for (size_t i = 0; i < layer->params; i++)
        if ((array[i] = pdl_lower_param(low, layer, i)) == NULL) return PDL_ESHAPE;
    const float *gamma = layer->scale ? array[next++] : NULL, *beta = layer->center ? array[next++] : NULL;
    const float *mean = array[next++], *variance = array[next];
    pdl_op *op = pdl_lower_op(low, layer, PDL_OP_AFFINE, &x, 1, channels);
    if (op == NULL) return PDL_ENOMEM;
    op->scale = pdl_alloc(channels, sizeof *op->scale);
    op->shift = pdl_alloc(channels, sizeof *op->shift);
    if (op->scale == NULL || op->shift == NULL) return pdl_lower_no_memory(low, layer);
    for (size_t i = 0; i < channels; i++) {
        double spread = (double)variance[i] + layer->epsilon;
        if (!(spread > 0.0))
            return pdl_fail(low->error, PDL_EDATA, "%s: moving_variance[%zu] is %g, expected a number above -%g",
                            layer->name, i, (double)variance[i], layer->epsilon);
        op->scale[i] = (gamma != NULL ? (double)gamma[i] : 1.0) / sqrt(spread);
        op->shift[i] = (beta != NULL ? (double)beta[i] : 0.0) - (double)mean[i] * op->scale[i];
    }
    *value = op->output;
    return PDL_OK;
}

pdl_status pdl_lower_plain(pdl_lowering *low, const pdl_layer *layer, pdl_op_kind kind, int *value)
{
    int *inputs = calloc(layer->inputs, sizeof *inputs);
    if (inputs == NULL) return pdl_lower_no_memory(low, layer);
    for (size_t i = 0; i < layer->inputs; i++)
        inputs[i] = low->value_of[layer->input[i]];
    pdl_op *op = pdl_lower_op(low, layer, kind, inputs, layer->inputs, layer->shape[layer->rank - 1]);
    free(inputs);
    if (op == NULL) return PDL_ENOMEM;
    *value = op->output;
    op->merge = layer->merge;
    op->epsilon = layer->epsilon;
    op->activation = layer->activation;
    if (kind == PDL_OP_AFFINE && layer->kind == PDL_KIND_ACTIVATION) set_function(layer, op);
    return PDL_OK;
}

/* Another name for the same value, which as a vector is seen as [1, 1, channels]; fuse.c removes the copy. */
static pdl_status lower_reshape(pdl_lowering *low, const pdl_layer *layer, int x, int *value)
{
    const pdl_value *from = &low->program->values[x];
    *value = x;
    bool same = from->channels == layer->shape[layer->rank - 1] && from->height == rows_of(layer);
    return same ? PDL_OK : pdl_lower_rename(low, layer, x, value);
}

static pdl_status lower_resize(pdl_lowering *low, const pdl_layer *layer, int *value)
{
    pdl_status status = pdl_lower_plain(low, layer, PDL_OP_RESIZE, value);
    if (status == PDL_OK) low->program->ops[low->program->op_count - 1].bilinear = layer->bilinear;
    return status;
}

static pdl_status lower_layer(pdl_lowering *low, const pdl_layer *layer, int *value)
{
    int x = layer->inputs > 0 ? low->value_of[layer->input[0]] : -1;
    switch (layer->kind) {
    case PDL_KIND_INPUT:
        *value = add_value(low->program, layer, layer->shape[layer->rank - 1]);
        return PDL_OK;
    case PDL_KIND_CONV2D:
    case PDL_KIND_DEPTHWISE_CONV2D:
    case PDL_KIND_SEPARABLE_CONV2D:
    case PDL_KIND_CONV2D_TRANSPOSE:
    case PDL_KIND_DENSE:
        return lower_weighted(low, layer, x, value);
    case PDL_KIND_BATCH_NORM:
        return lower_batch_norm(low, layer, x, value);
    case PDL_KIND_ACTIVATION:
        *value = x;
        if (layer->activation == PDL_ACTIVATION_LINEAR) return PDL_OK;
        return pdl_lower_plain(low, layer,
                               pdl_activation_is_of_rows(layer->activation) ? PDL_OP_SOFTMAX : PDL_OP_AFFINE, value);
    case PDL_KIND_PRELU:
        return pdl_lower_prelu(low, layer, value);
    case PDL_KIND_LAYER_NORM:
        return pdl_lower_layer_norm(low, layer, value);
    case PDL_KIND_RESCALE:
        return pdl_lower_affine(low, layer, x, layer->constant_count, layer->constants,
                                layer->constants + layer->constant_count, value);
    case PDL_KIND_NORMALIZATION:
    case PDL_KIND_LAYER_SCALE:
        return pdl_lower_scaling(low, layer, x, value);
    case PDL_KIND_FLATTEN:
    case PDL_KIND_RESHAPE:
        return lower_reshape(low, layer, x, value);
    case PDL_KIND_PERMUTE:
    case PDL_KIND_CROP:
    case PDL_KIND_REPEAT:
    case PDL_KIND_UPSAMPLE:
        return pdl_lower_view(low, layer, x, value);
    case PDL_KIND_RESIZE:
        return lower_resize(low, layer, value);
    case PDL_KIND_MAX_POOL2D:
        return pdl_lower_plain(low, layer, PDL_OP_MAX_POOL, value);
    case PDL_KIND_AVG_POOL2D:
        return pdl_lower_plain(low, layer, PDL_OP_AVG_POOL, value);
    case PDL_KIND_GLOBAL_AVG_POOL:
        return pdl_lower_plain(low, layer, PDL_OP_GLOBAL_AVG, value);
    case PDL_KIND_GLOBAL_MAX_POOL:
        return pdl_lower_plain(low, layer, PDL_OP_GLOBAL_MAX, value);
    case PDL_KIND_MERGE:
        return pdl_lower_merge(low, layer, value);
    case PDL_KIND_CONCAT:
        return pdl_lower_concat(low, layer, value);
    case PDL_KIND_ZERO_PAD:
        return pdl_lower_plain(low, layer, PDL_OP_PAD, value);
    }
    return pdl_fail(low->error, PDL_EINTERNAL, "%s: unknown kind of layer %d", layer->name, (int)layer->kind);
}

/* Marks what the output is made of. Inputs have smaller numbers, so one pass backwards finds all. */
static void mark_needed(pdl_lowering *low, pdl_node output)
{
    low->needed[output] = true;
    for (pdl_node node = output; node >= 0; node--) {
        const pdl_layer *layer = pdl_layer_at(low->graph, node);
        for (size_t i = 0; low->needed[node] && i < layer->inputs; i++)
            low->needed[layer->input[i]] = true;
    }
}

static pdl_status allocate(pdl_lowering *low)
{
    size_t layers = low->graph->count, room = 3 * layers + 2; /* a separable convolution with softmax is 3 */
    for (size_t i = 0; i < layers; i++)
        room += low->graph->layers[i].inputs;
    low->needed = calloc(layers, sizeof *low->needed);
    low->value_of = calloc(layers, sizeof *low->value_of);
    low->program->ops = calloc(room, sizeof *low->program->ops);
    low->program->values = calloc(room, sizeof *low->program->values);
    if (low->needed != NULL && low->value_of != NULL && low->program->ops != NULL && low->program->values != NULL)
        return PDL_OK;
    return pdl_fail_memory(low->error, room * sizeof *low->program->ops, "a network's operations");
}

static pdl_shape shape_of(const pdl_layer *layer)
{
    pdl_shape shape = {.rank = layer->rank};
    memcpy(shape.extent, layer->shape, sizeof shape.extent);
    return shape;
}

pdl_status pdl_lower(const pdl_graph *graph, pdl_node output, const float *const *params, pdl_program *program,
                     pdl_error *error)
{
    pdl_lowering low = {.graph = graph, .params = params, .program = program, .error = error};
    memset(program, 0, sizeof *program);
    pdl_status status = allocate(&low);
    if (status != PDL_OK) goto exit;
    mark_needed(&low, output);
    low.needed[0] = true; /* the input, even where nothing reads it */
    for (pdl_node node = 0; node <= output && status == PDL_OK; node++)
        if (low.needed[node]) status = lower_layer(&low, pdl_layer_at(graph, node), &low.value_of[node]);
    if (status != PDL_OK) goto exit;
    const pdl_layer *last = pdl_layer_at(graph, output);
    program->input = low.value_of[0];
    program->output = low.value_of[output];
    program->input_shape = shape_of(pdl_layer_at(graph, 0));
    program->output_shape = shape_of(last);
    if (program->output == program->input) { /* a network that does nothing still gives its output */
        pdl_op *copy =
            pdl_lower_op(&low, last, PDL_OP_COPY, &program->input, 1, program->values[program->input].channels);
        if (copy == NULL)
            status = PDL_ENOMEM;
        else
            program->output = copy->output;
    }
exit:
    free(low.value_of);
    free(low.needed);
    if (status != PDL_OK) pdl_program_clear(program);
    return status;
}

void pdl_program_clear(pdl_program *program)
{
    for (size_t i = 0; i < program->op_count; i++) {
        pdl_op *op = &program->ops[i];
        pdl_packed_destroy(op->packed);
        pdl_tile_weights_destroy(op->tile_weights);
        free(op->layer);
        free(op->input);
        pdl_free(op->weight);
        pdl_free(op->scale);
        pdl_free(op->shift);
        pdl_free(op->factor);
        pdl_free(op->bias);
        pdl_free(op->tap_products);
    }
    free(program->ops);
    free(program->values);
    memset(program, 0, sizeof *program);
}
