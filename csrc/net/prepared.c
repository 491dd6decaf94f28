/* SPDX-License-Identifier: Apache-2.0 */
#include "net/prepared.h"

#include "base/memory.h"
#include "base/status.h"

#include <omp.h>
#include <stdlib.h>

/* What our own kernel for a kind of operation is called, for profiles. */
typedef struct kernel_info {
    pdl_kernel kernel;
    const char *kind, *implementation;
} kernel_info;

static const kernel_info kernels[] = {
    [PDL_OP_CONV] = {pdl_kernel_conv, "convolution", "pdl:conv"},
    [PDL_OP_GROUP_CONV] = {NULL, "convolution", NULL},
    [PDL_OP_DECONV] = {pdl_kernel_deconv, "deconvolution", "pdl:deconv"},
    [PDL_OP_DEPTHWISE] = {pdl_kernel_depthwise, "depthwise", "pdl:depthwise"},
    [PDL_OP_MAX_POOL] = {pdl_kernel_max_pool, "pooling", "pdl:max_pool"},
    [PDL_OP_AVG_POOL] = {pdl_kernel_avg_pool, "pooling", "pdl:avg_pool"},
    [PDL_OP_GLOBAL_MAX] = {pdl_kernel_global_max, "pooling", "pdl:global_max"},
    [PDL_OP_GLOBAL_AVG] = {pdl_kernel_global_avg, "pooling", "pdl:global_avg"},
    [PDL_OP_AFFINE] = {pdl_kernel_affine, "affine", "pdl:affine"},
    [PDL_OP_ADD] = {pdl_kernel_add, "add", "pdl:add"},
    [PDL_OP_CONCAT] = {pdl_kernel_concat, "concat", "pdl:concat"},
    [PDL_OP_PAD] = {pdl_kernel_pad, "pad", "pdl:pad"},
    [PDL_OP_SOFTMAX] = {pdl_kernel_softmax, "softmax", "pdl:softmax"},
    [PDL_OP_MERGE] = {pdl_kernel_merge, "merge", "pdl:merge"},
    [PDL_OP_PRELU] = {pdl_kernel_prelu, "activation", "pdl:prelu"},
    [PDL_OP_LAYER_NORM] = {pdl_kernel_layer_norm, "normalization", "pdl:layer_norm"},
    [PDL_OP_COPY] = {pdl_kernel_copy, "copy", "pdl:copy"},
    [PDL_OP_VIEW] = {pdl_kernel_view, "copy", "pdl:view"},
    [PDL_OP_RESIZE] = {pdl_kernel_resize, "resize", "pdl:resize"},
};

/* What oneDNN is asked for first. */
static bool has_primitive(const pdl_op *op)
{
    return op->kind == PDL_OP_CONV || op->kind == PDL_OP_DENSE || op->kind == PDL_OP_GROUP_CONV ||
           op->kind == PDL_OP_DECONV;
}

/* Whether oneDNN lacks the function that ends the operation. */
static bool runs_after(const pdl_op *op)
{
    dnnl_alg_kind_t kind;
    float alpha, beta;
    return pdl_function_is_set(&op->function) && !pdl_function_as_eltwise(&op->function, &kind, &alpha, &beta);
}

static void use_kernel(pdl_step *step)
{
    const kernel_info *info = &kernels[step->op->kind];
    step->kernel = info->kernel;
    step->kind = info->kind;
    step->implementation = info->implementation;
}

/* Multiplications and additions of one run; of other kernels than these, what they read counts. */
static double count_flops(const pdl_program *program, const pdl_op *op, size_t batch)
{
    const pdl_value *in = &program->values[op->input[0]], *out = &program->values[op->output];
    double outputs = (double)batch * (double)pdl_value_size(out);
    double window = (double)op->window.kernel[0] * (double)op->window.kernel[1];
    switch (op->kind) {
    case PDL_OP_CONV:
        return 2.0 * outputs * window * (double)in->channels;
    case PDL_OP_GROUP_CONV:
        return 2.0 * outputs * window * (double)(in->channels / op->groups);
    case PDL_OP_DECONV:
        return 2.0 * (double)batch * (double)pdl_value_size(in) * window * (double)out->channels;
    case PDL_OP_DENSE:
        return 2.0 * outputs * (double)in->channels;
    case PDL_OP_DEPTHWISE:
        return 2.0 * outputs * window;
    case PDL_OP_MAX_POOL:
    case PDL_OP_AVG_POOL:
        return outputs * window;
    case PDL_OP_GLOBAL_AVG:
    case PDL_OP_GLOBAL_MAX:
        return (double)batch * (double)pdl_value_size(in);
    case PDL_OP_ADD:
    case PDL_OP_MERGE:
        return outputs * (double)(op->inputs - 1);
    case PDL_OP_AFFINE:
    case PDL_OP_PRELU:
        return 2.0 * outputs;
    case PDL_OP_LAYER_NORM:
        return 6.0 * outputs;
    default:
        return 0.0;
    }
}

static pdl_map map_of(const pdl_prepared *prepared, const pdl_program *program, int value)
{
    pdl_map map = pdl_shape_of(program, value, prepared->setting.batch);
    map.pitch = prepared->plan.tensors[value].pitch;
    return map;
}

/* Our own layout of a convolution's weights. A 1x1's holds them as they were given, which are dropped; Winograd's does
 * not. */
static pdl_status get_tile_weights(const pdl_engine *engine, const pdl_program *program, pdl_op *op, pdl_tile_kind tile,
                                   pdl_simd simd, pdl_step *step, pdl_error *error)
{
    bool keep = op->keep_weight || tile != PDL_TILE_1X1;
    pdl_status status = PDL_OK;
    step->tile_op = op;
    step->tile_weights = pdl_tile_weights_find(op, tile, simd);
    if (step->tile_weights == NULL) {
        size_t channels = program->values[op->input[0]].channels, outputs = program->values[op->output].channels;
        status = pdl_step_keep_weight(engine, program, &(pdl_step){.op = op}, error);
        if (status == PDL_OK)
            status = pdl_tile_weights_make(op, tile, channels, outputs, simd, &step->tile_weights, error);
        op->keep_weight = keep;
    }
    if (status != PDL_OK || keep) return status;
    pdl_free(op->weight);
    op->weight = NULL;
    return PDL_OK;
}

/* A depthwise and the 1x1 before it. */
static pdl_status make_expanded(const pdl_engine *engine, const pdl_program *program, const pdl_setting *setting,
                                const pdl_choice *choice, pdl_step *step, pdl_error *error)
{
    pdl_op *conv = &program->ops[choice->before];
    step->kind = kernels[PDL_OP_DEPTHWISE].kind;
    step->implementation = "pdl:pointwise_depthwise";
    pdl_expanded_plan(&step->expanded, conv, step->op, &step->maps[0], &step->maps[1], setting->threads);
    step->scratch_bytes = step->expanded.scratch;
    return get_tile_weights(engine, program, conv, PDL_TILE_1X1, setting->simd, step, error);
}

static pdl_status make_own(const pdl_engine *engine, const pdl_program *program, const pdl_setting *setting,
                           const pdl_choice *choice, pdl_step *step, pdl_error *error)
{
    const pdl_map *in = &step->maps[0], *out = &step->maps[step->op->inputs];
    pdl_status status = get_tile_weights(engine, program, step->op, choice->tile, setting->simd, step, error);
    if (status != PDL_OK) return status;
    step->kind = kernels[PDL_OP_CONV].kind;
    step->implementation = choice->pool >= 0 ? pdl_tiles[choice->tile].pooled_name : pdl_tiles[choice->tile].name;
    if (choice->tile == PDL_TILE_1X1) {
        const pdl_op *before = choice->before < 0 ? NULL : &program->ops[choice->before];
        pdl_pointwise_plan(&step->pointwise, before, in, out, setting->threads, setting->simd);
        step->pointwise.factors = &step->maps[step->op->inputs + 1];
        if (before != NULL)
            step->implementation = before->kind == PDL_OP_DEPTHWISE ? "pdl:depthwise_pointwise"
                                   : before->kind == PDL_OP_AFFINE  ? "pdl:affine_pointwise"
                                                                    : "pdl:merge_pointwise";
        step->scratch_bytes = step->pointwise.scratch;
        return PDL_OK;
    }
    pdl_map whole = pdl_shape_of(program, step->op->output, out->batch);
    whole.pitch = out->pitch;
    pdl_winograd_plan(&step->winograd, choice->tile, step->op, in, &whole, setting->threads, setting->simd);
    step->winograd.pool = choice->pool >= 0;
    step->scratch_bytes = step->winograd.scratch;
    return PDL_OK;
}

static double count_flops_of(const pdl_program *program, int index, size_t batch)
{
    return index < 0 ? 0.0 : count_flops(program, &program->ops[index], batch);
}

static pdl_status make_step(const pdl_engine *engine, const pdl_program *program, size_t index,
                            const pdl_choice *choices, pdl_prepared *prepared, pdl_error *error)
{
    pdl_step *step = &prepared->steps[prepared->step_count++]; /* counted first: destroyed even when half made */
    const pdl_choice *choice = &choices[index];
    pdl_op *op = &program->ops[index];
    const pdl_op *last = choice->pool < 0 ? op : &program->ops[choice->pool];
    size_t batch = prepared->setting.batch;
    step->op = op;
    step->layer = last->layer;
    step->input = pdl_choice_input(program, choices, index, 0);
    step->factors = pdl_choice_factors(program, choices, index);
    step->output = last->output;
    step->maps = calloc(op->inputs + 2, sizeof *step->maps);
    if (step->maps == NULL) return pdl_fail_memory(error, (op->inputs + 2) * sizeof *step->maps, op->layer);
    for (size_t i = 0; i < op->inputs; i++)
        step->maps[i] = map_of(prepared, program, pdl_choice_input(program, choices, index, i));
    step->maps[op->inputs] = map_of(prepared, program, step->output);
    if (step->factors >= 0) step->maps[op->inputs + 1] = map_of(prepared, program, step->factors);
    step->flops = count_flops(program, op, batch) + count_flops_of(program, choice->pool, batch) +
                  count_flops_of(program, choice->before, batch);
    pdl_status status = PDL_OK;
    if (choice->tile != PDL_TILE_KINDS) {
        status = make_own(engine, program, &prepared->setting, choice, step, error);
    } else if (op->kind == PDL_OP_DEPTHWISE && choice->before >= 0) {
        status = make_expanded(engine, program, &prepared->setting, choice, step, error);
    } else if (has_primitive(op)) {
        step->kind = op->kind == PDL_OP_DENSE ? "dense" : kernels[op->kind].kind;
        status = pdl_step_make_primitive(engine, program, &prepared->setting, step, error);
        step->function_after = runs_after(op);
    }
    if (status == PDL_OK && step->primitive == NULL && step->tile_weights == NULL) use_kernel(step);
    if (status == PDL_OK && step->scratch_bytes > prepared->scratch) prepared->scratch = step->scratch_bytes;
    return status;
}

static pdl_status make_steps(const pdl_engine *engine, pdl_program *program, const pdl_choice *choices,
                             pdl_prepared *prepared, pdl_error *error)
{
    pdl_status status = pdl_plan_make(program, prepared->setting.batch, choices, &prepared->plan, error);
    if (status != PDL_OK) return status;
    prepared->steps = calloc(program->op_count + 1, sizeof *prepared->steps);
    if (prepared->steps == NULL)
        return pdl_fail_memory(error, program->op_count * sizeof *prepared->steps, "a network's steps");
    for (size_t i = 0; status == PDL_OK && i < program->op_count; i++)
        if (!choices[i].done && !pdl_plan_renames(program, &program->ops[i]))
            status = make_step(engine, program, i, choices, prepared, error);
    return status;
}

pdl_status pdl_prepared_create_as(const pdl_engine *engine, pdl_program *program, const pdl_setting *setting,
                                  const pdl_choice *choices, pdl_prepared **out, pdl_error *error)
{
    pdl_prepared *prepared = calloc(1, sizeof *prepared);
    if (prepared == NULL) return pdl_fail_memory(error, sizeof *prepared, "a prepared batch");
    prepared->setting = *setting;
    prepared->setting.decisions = NULL; /* borrowed for the choice alone */
    pdl_status status = make_steps(engine, program, choices, prepared, error);
    if (status == PDL_OK)
        *out = prepared;
    else
        pdl_prepared_destroy(prepared);
    return status;
}

static void destroy_step(pdl_step *step)
{
    dnnl_memory_t memories[] = {step->source, step->target, step->bias, step->scratch};
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
        if (memories[i] != NULL) dnnl_memory_destroy(memories[i]);
    if (step->primitive != NULL) dnnl_primitive_destroy(step->primitive);
    if (step->tile_weights != NULL) pdl_tile_weights_release(step->tile_op, step->tile_weights);
    if (step->packed != NULL) pdl_packed_release(step->op, step->packed);
    free(step->maps);
}

void pdl_prepared_destroy(pdl_prepared *prepared)
{
    if (prepared == NULL) return;
    for (size_t i = 0; i < prepared->step_count; i++)
        destroy_step(&prepared->steps[i]);
    free(prepared->steps);
    pdl_plan_clear(&prepared->plan);
    free(prepared);
}

/* ---- running ---- */

static void *address(const pdl_prepared *prepared, const pdl_bases *bases, int value)
{
    const pdl_tensor *tensor = &prepared->plan.tensors[value];
    char *base = (char *)bases->arena;
    if (tensor->place == PDL_PLACE_INPUT) base = (char *)(uintptr_t)bases->input; /* only ever read */
    if (tensor->place == PDL_PLACE_OUTPUT) base = (char *)bases->output;
    return base + tensor->offset;
}

static pdl_status run_primitive(const pdl_engine *engine, pdl_step *step, const pdl_bases *bases, pdl_error *error)
{
    dnnl_status_t code = dnnl_memory_set_data_handle(step->source, step->maps[0].data);
    if (code == dnnl_success) code = dnnl_memory_set_data_handle(step->target, step->maps[step->op->inputs].data);
    if (code == dnnl_success) code = dnnl_memory_set_data_handle(step->scratch, bases->scratch);
    if (code == dnnl_success)
        code = dnnl_primitive_execute(step->primitive, engine->stream, step->arg_count, step->args);
    return pdl_check_dnnl(code, step->op->layer, error);
}

static pdl_status run_step(const pdl_engine *engine, const pdl_prepared *prepared, pdl_step *step,
                           const pdl_bases *bases, pdl_error *error)
{
    const pdl_op *op = step->op;
    for (size_t i = 0; i < op->inputs; i++)
        step->maps[i].data = address(prepared, bases, i == 0 ? step->input : op->input[i]);
    step->maps[op->inputs].data = address(prepared, bases, step->output);
    if (step->factors >= 0) step->maps[op->inputs + 1].data = address(prepared, bases, step->factors);
    if (step->primitive != NULL) {
        pdl_status status = run_primitive(engine, step, bases, error);
        if (status == PDL_OK && step->function_after)
            pdl_activate_map(prepared->setting.simd, &op->function, &step->maps[op->inputs], &step->maps[op->inputs]);
        return status;
    }
    pdl_kernel_call call = {
        .op = op, .input = step->maps, .output = step->maps[op->inputs], .simd = prepared->setting.simd};
    if (step->tile_weights == NULL)
        step->kernel(&call);
    else if (op->kind == PDL_OP_DEPTHWISE)
        pdl_expanded_run(&step->expanded, step->tile_weights, &call, bases->scratch);
    else if (step->tile_weights->tile == PDL_TILE_1X1)
        pdl_pointwise_run(&step->pointwise, step->tile_weights, &call, bases->scratch);
    else
        pdl_winograd_run(&step->winograd, step->tile_weights, &call, bases->scratch);
    return PDL_OK;
}

pdl_status pdl_prepared_run(const pdl_engine *engine, pdl_prepared *prepared, const pdl_bases *bases, pdl_error *error)
{
    pdl_status status = PDL_OK;
    double begin = omp_get_wtime();
    for (size_t i = 0; i < prepared->step_count && status == PDL_OK; i++) {
        pdl_step *step = &prepared->steps[i];
        status = run_step(engine, prepared, step, bases, error);
        double end = omp_get_wtime();
        if (step->seconds == 0.0 || end - begin < step->seconds) step->seconds = end - begin;
        begin = end;
    }
    return status;
}
