/* Convolutions and dense layers as primitives of oneDNN. SPDX-License-Identifier: Apache-2.0
 *
 * Activations are NHWC; oneDNN chooses the layout of the weights. Bias, residual sum, relu and the
 * functions that oneDNN has run inside the primitive. */
#include "base/memory.h"
#include "base/status.h"
#include "net/prepared.h"

#include <omp.h>
#include <string.h>

#define CHECK(call) pdl_check_dnnl((call), op->layer, error)

/* The descriptors that a primitive is chosen by; freed once it exists. */
typedef struct descs {
    dnnl_memory_desc_t source, target, bias, given, any; /* given: the weights as we have them */
    dnnl_primitive_attr_t attr;
    dnnl_primitive_desc_t primitive;
} descs;

static void free_descs(descs *d)
{
    dnnl_memory_desc_t memories[] = {d->source, d->target, d->bias, d->given, d->any};
    for (size_t i = 0; i < sizeof memories / sizeof *memories; i++)
        if (memories[i] != NULL) dnnl_memory_desc_destroy(memories[i]);
    if (d->attr != NULL) dnnl_primitive_attr_destroy(d->attr);
    if (d->primitive != NULL) dnnl_primitive_desc_destroy(d->primitive);
}

static dnnl_data_type_t type_of(const pdl_program *program)
{
    return program->precision == PDL_PRECISION_BFLOAT16 ? dnnl_bf16 : dnnl_f32;
}

static dnnl_status_t map_desc(dnnl_memory_desc_t *desc, size_t batch, const pdl_value *value, bool vector,
                              dnnl_data_type_t type)
{
    dnnl_dims_t dims = {(dnnl_dim_t)batch, (dnnl_dim_t)value->channels, (dnnl_dim_t)value->height,
                        (dnnl_dim_t)value->width};
    return dnnl_memory_desc_create_with_tag(desc, vector ? 2 : 4, dims, type, vector ? dnnl_nc : dnnl_nhwc);
}

/* Weights in Keras' layouts, as oneDNN's dimensions (groups,) outputs, inputs, height, width; type: those it gets. */
static dnnl_status_t weight_descs(descs *d, const pdl_op *op, size_t inputs, size_t outputs, dnnl_data_type_t type)
{
    dnnl_dim_t in = (dnnl_dim_t)inputs, out = (dnnl_dim_t)outputs;
    dnnl_dim_t height = (dnnl_dim_t)op->window.kernel[0], width = (dnnl_dim_t)op->window.kernel[1];
    dnnl_dim_t groups = op->kind == PDL_OP_GROUP_CONV ? (dnnl_dim_t)op->groups : 1;
    dnnl_dim_t part = out / groups, pixel = in / groups * out;
    dnnl_dims_t conv_dims = {groups, part, in / groups, height, width};
    dnnl_dims_t conv_strides = {part, 1, out, width * pixel, pixel};
    dnnl_dims_t dense_dims = {out, in}, dense_strides = {1, out};
    bool dense = op->kind == PDL_OP_DENSE;
    int rank = dense ? 2 : groups > 1 ? 5 : 4, skip = groups > 1 ? 0 : 1; /* the axis of groups is for groups */
    const dnnl_dim_t *dims = dense ? dense_dims : conv_dims + skip,
                     *strides = dense ? dense_strides : conv_strides + skip;
    dnnl_status_t code = dnnl_memory_desc_create_with_strides(&d->given, rank, dims, dnnl_f32, strides);
    if (code != dnnl_success) return code;
    return dnnl_memory_desc_create_with_tag(&d->any, rank, dims, type, dnnl_format_tag_any);
}

static dnnl_status_t make_attr(dnnl_primitive_attr_t *attr, const pdl_op *op)
{
    dnnl_post_ops_t post = NULL;
    dnnl_status_t code = dnnl_primitive_attr_create(attr);
    if (code == dnnl_success) code = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
    if (code == dnnl_success) code = dnnl_post_ops_create(&post);
    if (code == dnnl_success && op->residual) code = dnnl_post_ops_append_sum(post, 1.0f, 0, dnnl_data_type_undef);
    if (code == dnnl_success && op->relu) code = dnnl_post_ops_append_eltwise(post, dnnl_eltwise_relu, 0.0f, 0.0f);
    dnnl_alg_kind_t kind;
    float alpha = 0.0f, beta = 0.0f;
    if (code == dnnl_success && pdl_function_as_eltwise(&op->function, &kind, &alpha, &beta))
        code = dnnl_post_ops_append_eltwise(post, kind, alpha, beta);
    if (code == dnnl_success) code = dnnl_primitive_attr_set_post_ops(*attr, post);
    if (post != NULL) dnnl_post_ops_destroy(post);
    return code;
}

static pdl_status make_descs(descs *d, const pdl_program *program, size_t batch, const pdl_op *op, pdl_error *error)
{
    const pdl_value *in = &program->values[op->input[0]], *out = &program->values[op->output];
    bool vector = op->kind == PDL_OP_DENSE;
    dnnl_data_type_t type = type_of(program);
    dnnl_dims_t channels = {(dnnl_dim_t)out->channels};
    pdl_status status = CHECK(map_desc(&d->source, batch, in, vector, type));
    if (status == PDL_OK) status = CHECK(map_desc(&d->target, batch, out, vector, type));
    if (status == PDL_OK) status = CHECK(weight_descs(d, op, in->channels, out->channels, type));
    if (status == PDL_OK && op->bias != NULL)
        status = CHECK(dnnl_memory_desc_create_with_tag(&d->bias, 1, channels, dnnl_f32, dnnl_x));
    if (status == PDL_OK) status = CHECK(make_attr(&d->attr, op));
    return status;
}

/* "ref:any", "gemm:ref", ... are hundreds of times slower than the others: not to be run. */
static bool is_reference(const char *implementation)
{
    return strstr(implementation, "ref") != NULL;
}

/* A dense layer's weights can be most of a network (VGG16: 411 MB in one), and oneDNN wants another layout for every
 * few batch sizes: the layout that exists is taken where there is fast code for it. */
static dnnl_status_t choose_dense(descs *d, const pdl_engine *engine, const pdl_op *op)
{
    const_dnnl_memory_desc_t existing;
    const char *name = NULL;
    if (op->packed != NULL && dnnl_memory_get_memory_desc(op->packed->memory, &existing) == dnnl_success) {
        dnnl_status_t code = dnnl_inner_product_forward_primitive_desc_create(
            &d->primitive, engine->cpu, dnnl_forward_inference, d->source, existing, d->bias, d->target, d->attr);
        if (code == dnnl_success) code = dnnl_primitive_desc_query(d->primitive, dnnl_query_impl_info_str, 0, &name);
        if (code == dnnl_success && !is_reference(name)) return code;
        if (d->primitive != NULL) dnnl_primitive_desc_destroy(d->primitive);
        d->primitive = NULL;
    }
    return dnnl_inner_product_forward_primitive_desc_create(&d->primitive, engine->cpu, dnnl_forward_inference,
                                                            d->source, d->any, d->bias, d->target, d->attr);
}

static dnnl_status_t choose_primitive(descs *d, const pdl_engine *engine, const pdl_op *op)
{
    if (op->kind == PDL_OP_DENSE) return choose_dense(d, engine, op);
    dnnl_dims_t stride, dilation, before, after;
    for (int axis = 0; axis < 2; axis++) {
        stride[axis] = (dnnl_dim_t)op->window.stride[axis];
        dilation[axis] = (dnnl_dim_t)op->window.dilation[axis] - 1; /* oneDNN counts the gaps */
        before[axis] = (dnnl_dim_t)op->window.before[axis];
        after[axis] = (dnnl_dim_t)op->window.after[axis];
    }
    if (op->kind == PDL_OP_DECONV)
        return dnnl_deconvolution_forward_primitive_desc_create(&d->primitive, engine->cpu, dnnl_forward_inference,
                                                                dnnl_deconvolution_direct, d->source, d->any, d->bias,
                                                                d->target, stride, dilation, before, after, d->attr);
    return dnnl_convolution_forward_primitive_desc_create(&d->primitive, engine->cpu, dnnl_forward_inference,
                                                          dnnl_convolution_direct, d->source, d->any, d->bias,
                                                          d->target, stride, dilation, before, after, d->attr);
}

static void add_arg(pdl_step *step, int name, dnnl_memory_t memory)
{
    step->args[step->arg_count++] = (dnnl_exec_arg_t){name, memory};
}

static pdl_status make_memories(const pdl_engine *engine, pdl_step *step, const descs *d, pdl_error *error)
{
    const pdl_op *op = step->op;
    const_dnnl_memory_desc_t weights = dnnl_primitive_desc_query_md(d->primitive, dnnl_query_weights_md, 0);
    const_dnnl_memory_desc_t scratch = dnnl_primitive_desc_query_md(d->primitive, dnnl_query_scratchpad_md, 0);
    pdl_status status = CHECK(dnnl_memory_create(&step->source, d->source, engine->cpu, DNNL_MEMORY_NONE));
    if (status == PDL_OK) status = CHECK(dnnl_memory_create(&step->target, d->target, engine->cpu, DNNL_MEMORY_NONE));
    if (status == PDL_OK) status = CHECK(dnnl_memory_create(&step->scratch, scratch, engine->cpu, DNNL_MEMORY_NONE));
    if (status == PDL_OK && d->bias != NULL)
        status = CHECK(dnnl_memory_create(&step->bias, d->bias, engine->cpu, op->bias));
    if (status == PDL_OK) status = pdl_packed_acquire(engine, step->op, d->given, weights, &step->packed, error);
    if (status != PDL_OK) return status;
    add_arg(step, DNNL_ARG_SRC, step->source);
    add_arg(step, DNNL_ARG_WEIGHTS, step->packed->memory);
    add_arg(step, DNNL_ARG_DST, step->target);
    add_arg(step, DNNL_ARG_SCRATCHPAD, step->scratch);
    if (step->bias != NULL) add_arg(step, DNNL_ARG_BIAS, step->bias);
    step->scratch_bytes = dnnl_memory_desc_get_size(scratch);
    return PDL_OK;
}

/* Drops a reference implementation; what remains has a name, which lives as long as the primitive. */
static pdl_status name_implementation(const pdl_engine *engine, pdl_step *step, const descs *d, pdl_error *error)
{
    pdl_op *op = step->op;
    const_dnnl_primitive_desc_t desc;
    pdl_status status = CHECK(dnnl_primitive_get_primitive_desc(step->primitive, &desc));
    if (status == PDL_OK)
        status = CHECK(dnnl_primitive_desc_query(desc, dnnl_query_impl_info_str, 0, (void *)&step->implementation));
    if (status != PDL_OK || !is_reference(step->implementation)) return status;
    if (op->kind == PDL_OP_DENSE || op->kind == PDL_OP_GROUP_CONV)
        return pdl_fail(error, PDL_EUNSUPPORTED, "%s: oneDNN has only %s for its shape", op->layer,
                        step->implementation);
    dnnl_primitive_destroy(step->primitive);
    step->primitive = NULL;
    return pdl_packed_keep_weight(engine, op, d->given, error);
}

pdl_status pdl_step_keep_weight(const pdl_engine *engine, const pdl_program *program, pdl_step *step, pdl_error *error)
{
    pdl_op *op = step->op;
    const pdl_value *in = &program->values[op->input[0]], *out = &program->values[op->output];
    descs d = {0};
    pdl_status status = CHECK(weight_descs(&d, op, in->channels, out->channels, type_of(program)));
    if (status == PDL_OK) status = pdl_packed_keep_weight(engine, op, d.given, error);
    free_descs(&d);
    return status;
}

pdl_status pdl_step_make_primitive(const pdl_engine *engine, const pdl_program *program, const pdl_setting *setting,
                                   pdl_step *step, pdl_error *error)
{
    const pdl_op *op = step->op;
    descs d = {0};
    int team = omp_get_max_threads();
    pdl_status status = make_descs(&d, program, setting->batch, op, error);
    omp_set_num_threads((int)setting->threads); /* oneDNN shares the work out among as many as there are now */
    if (status == PDL_OK) status = CHECK(choose_primitive(&d, engine, op));
    if (status == PDL_OK) status = CHECK(dnnl_primitive_create(&step->primitive, d.primitive));
    omp_set_num_threads(team);
    if (status == PDL_OK) status = name_implementation(engine, step, &d, error);
    if (status == PDL_OK && step->primitive != NULL) status = make_memories(engine, step, &d, error);
    free_descs(&d);
    return status;
}
