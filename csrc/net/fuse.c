/* Passes that make a program shorter. SPDX-License-Identifier: Apache-2.0
 *
 *     affine    conv -> batch norm -> relu     one conv: W' = W scale, b' = b scale + shift (in double), then relu or
 *                                              another function of one number
 *     pad       zero pad -> conv               one conv with padding; and -> max pool where every value is >= 0
 *     relu      relu -> depthwise              one depthwise of max(0, x), where nothing else reads the relu
 *     concat    concat of concats              one concat
 *     stride    conv -> conv 1x1 / 2           conv / 2 -> conv 1x1: see stride.c
 *     pool      average pool -> 1x1 conv       1x1 conv -> average pool, where the pool keeps the size and the
 *                                              conv has fewer outputs than inputs: both are linear, and a mean
 *                                              keeps the bias
 *     residual  conv -> add(conv, x) -> relu   one conv that adds into x's memory, where x is not read later
 *
 * A fused operation takes the place, the output and the layer name of the last one in it. */
#include "net/fuse.h"
#include "base/memory.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

void pdl_count_uses(pdl_program *program)
{
    for (size_t i = 0; i < program->value_count; i++) {
        program->values[i].uses = 0;
        program->values[i].producer = -1;
    }
    for (size_t i = 0; i < program->op_count; i++) {
        const pdl_op *op = &program->ops[i];
        if (op->kind == PDL_OP_NONE) continue;
        program->values[op->output].producer = (int)i;
        for (size_t j = 0; j < op->inputs; j++)
            program->values[op->input[j]].uses++;
    }
    program->values[program->output].uses++;
}

/* Removes an operation whose work its producer does from now on. */
static void absorb(pdl_program *program, pdl_op *into, pdl_op *op)
{
    free(into->layer);
    into->layer = op->layer;
    op->layer = NULL;
    into->output = op->output;
    program->values[op->output].producer = (int)(into - program->ops);
    op->kind = PDL_OP_NONE;
}

/* ---- affine ---- */

static bool weighted(const pdl_op *op)
{
    return op->kind == PDL_OP_CONV || op->kind == PDL_OP_DEPTHWISE || op->kind == PDL_OP_DENSE ||
           op->kind == PDL_OP_GROUP_CONV || op->kind == PDL_OP_DECONV;
}

static bool plain_relu(const pdl_op *op)
{
    return op->kind == PDL_OP_AFFINE && op->scale == NULL && op->shift == NULL && op->relu;
}

/* Whether something follows the operation's sum already. */
static bool finished(const pdl_op *op)
{
    return op->relu || pdl_function_is_set(&op->function);
}

static void move_finish(pdl_op *to, const pdl_op *from)
{
    to->relu = from->relu;
    to->function = from->function;
}

static bool ends_with_function(const pdl_op *op)
{
    switch (op->kind) {
    case PDL_OP_CONV:
    case PDL_OP_GROUP_CONV:
    case PDL_OP_DECONV:
    case PDL_OP_DEPTHWISE:
    case PDL_OP_DENSE:
    case PDL_OP_AFFINE:
    case PDL_OP_ADD:
    case PDL_OP_MERGE:
    case PDL_OP_PRELU:
    case PDL_OP_LAYER_NORM:
        return true;
    default:
        return false;
    }
}

static bool takes_affine(const pdl_op *op, const pdl_op *affine)
{
    if (op->relu && plain_relu(affine)) return ends_with_function(op);
    if (finished(op)) return false;
    bool plain = affine->scale == NULL && affine->shift == NULL;
    return plain ? ends_with_function(op) : weighted(op) || op->kind == PDL_OP_AFFINE;
}

/* y = scale (op's y) + shift */
static pdl_status compose(pdl_op *op, pdl_op *affine, size_t channels, pdl_error *error)
{
    if (affine->scale == NULL && affine->shift == NULL) return PDL_OK;
    if (op->shift == NULL) op->shift = pdl_alloc_zero(channels, sizeof *op->shift);
    if (op->shift == NULL) return pdl_fail_memory(error, channels * sizeof *op->shift, "a bias");
    for (size_t i = 0; i < channels; i++) {
        if (affine->scale != NULL) op->shift[i] *= affine->scale[i];
        if (affine->shift != NULL) op->shift[i] += affine->shift[i];
    }
    if (affine->scale == NULL) return PDL_OK;
    if (op->scale == NULL) {
        op->scale = affine->scale;
        affine->scale = NULL;
    } else {
        for (size_t c = 0; c < channels; c++)
            op->scale[c] *= affine->scale[c];
    }
    return PDL_OK;
}

static pdl_status fold_affines(pdl_program *program, pdl_error *error)
{
    for (size_t i = 0; i < program->op_count; i++) {
        pdl_op *op = &program->ops[i];
        if (op->kind != PDL_OP_AFFINE) continue;
        pdl_op *from = pdl_producer(program, op->input[0]);
        if (from == NULL || program->values[op->input[0]].uses != 1 || !takes_affine(from, op)) continue;
        pdl_status status = compose(from, op, program->values[op->output].channels, error);
        if (status != PDL_OK) return status;
        move_finish(from, op);
        absorb(program, from, op);
    }
    return PDL_OK;
}

/* ---- pad ---- */

static bool nonnegative(const pdl_program *program, int value)
{
    const pdl_op *op = pdl_producer(program, value);
    while (op != NULL && op->kind == PDL_OP_MAX_POOL)
        op = pdl_producer(program, op->input[0]);
    return op != NULL && op->relu;
}

/* Zeros around the image are what a convolution's padding means. A max pool's padding counts for nothing instead,
 * which is the same where all values are >= 0 and every window holds at least one. */
static bool takes_pad(const pdl_program *program, const pdl_op *op, const pdl_op *pad)
{
    bool conv = op->kind == PDL_OP_CONV || op->kind == PDL_OP_DEPTHWISE || op->kind == PDL_OP_GROUP_CONV;
    if (!conv && !(op->kind == PDL_OP_MAX_POOL && nonnegative(program, pad->input[0]))) return false;
    for (int axis = 0; axis < 2; axis++) {
        size_t reach = (op->window.kernel[axis] - 1) * op->window.dilation[axis] + 1;
        if (op->window.before[axis] + pad->window.before[axis] >= reach) return false;
        if (op->window.after[axis] + pad->window.after[axis] >= reach) return false;
    }
    return true;
}

static void fold_pads(pdl_program *program)
{
    for (size_t i = 0; i < program->op_count; i++) {
        pdl_op *op = &program->ops[i];
        if (op->kind == PDL_OP_NONE || op->inputs == 0) continue;
        pdl_op *pad = pdl_producer(program, op->input[0]);
        if (pad == NULL || pad->kind != PDL_OP_PAD || !takes_pad(program, op, pad)) continue;
        for (int axis = 0; axis < 2; axis++) {
            op->window.before[axis] += pad->window.before[axis];
            op->window.after[axis] += pad->window.after[axis];
        }
        op->input[0] = pad->input[0];
        program->values[pad->input[0]].uses++;
        if (--program->values[pad->output].uses == 0) {
            pad->kind = PDL_OP_NONE;
            program->values[pad->input[0]].uses--;
        }
    }
}

/* ---- relu ---- */

static void fold_relus(pdl_program *program)
{
    for (size_t i = 0; i < program->op_count; i++) {
        pdl_op *op = &program->ops[i];
        if (op->kind != PDL_OP_DEPTHWISE || op->multiplier != 1) continue;
        pdl_op *relu = pdl_producer(program, op->input[0]);
        if (relu == NULL || !plain_relu(relu) || program->values[relu->output].uses != 1) continue;
        op->relu_first = true;
        op->input[0] = relu->input[0];
        relu->kind = PDL_OP_NONE;
    }
}

/* ---- concat ---- */

static pdl_status splice(pdl_op *outer, size_t at, pdl_op *inner, pdl_error *error)
{
    size_t count = outer->inputs - 1 + inner->inputs;
    int *inputs = calloc(count + 1, sizeof *inputs);
    if (inputs == NULL) return pdl_fail_memory(error, count * sizeof *inputs, "a concat's inputs");
    memcpy(inputs, outer->input, at * sizeof *inputs);
    memcpy(inputs + at, inner->input, inner->inputs * sizeof *inputs);
    memcpy(inputs + at + inner->inputs, outer->input + at + 1, (outer->inputs - at - 1) * sizeof *inputs);
    free(outer->input);
    outer->input = inputs;
    outer->inputs = count;
    inner->kind = PDL_OP_NONE;
    return PDL_OK;
}

static pdl_status splice_concats(pdl_program *program, pdl_error *error)
{
    for (size_t i = 0; i < program->op_count; i++) {
        pdl_op *op = &program->ops[i];
        for (size_t j = 0; op->kind == PDL_OP_CONCAT && j < op->inputs;) {
            pdl_op *inner = pdl_producer(program, op->input[j]);
            if (inner == NULL || inner->kind != PDL_OP_CONCAT || program->values[op->input[j]].uses != 1) {
                j++;
                continue;
            }
            pdl_status status = splice(op, j, inner, error);
            if (status != PDL_OK) return status;
        }
    }
    return PDL_OK;
}

/* ---- pool ---- */

static bool pointwise(const pdl_op *op)
{
    const pdl_window *w = &op->window;
    bool one = w->kernel[0] == 1 && w->kernel[1] == 1 && w->stride[0] == 1 && w->stride[1] == 1;
    return op->kind == PDL_OP_CONV && one && (w->before[0] | w->before[1] | w->after[0] | w->after[1]) == 0;
}

/* The two change places; the value between them becomes the convolution's result before pooling. */
static void commute(pdl_program *program, pdl_op *pool, pdl_op *conv)
{
    pdl_value *between = &program->values[pool->output];
    const pdl_value *image = &program->values[pool->input[0]];
    between->height = image->height;
    between->width = image->width;
    between->channels = program->values[conv->output].channels;
    pdl_op first = *conv, second = *pool;
    first.input[0] = pool->input[0];
    first.output = pool->output;
    move_finish(&first, &(pdl_op){.kind = PDL_OP_NONE});
    second.input[0] = pool->output;
    second.output = conv->output;
    move_finish(&second, conv);
    char *name = first.layer; /* steps are known by the layer that they complete */
    first.layer = second.layer;
    second.layer = name;
    *pool = first;
    *conv = second;
}

static void commute_pools(pdl_program *program)
{
    for (size_t i = 0; i < program->op_count; i++) {
        pdl_op *conv = &program->ops[i];
        if (!pointwise(conv) || pdl_function_is_set(&conv->function)) continue;
        pdl_op *pool = pdl_producer(program, conv->input[0]);
        if (pool == NULL || pool->kind != PDL_OP_AVG_POOL || program->values[pool->output].uses != 1) continue;
        const pdl_value *before = &program->values[pool->input[0]], *after = &program->values[pool->output];
        bool same_size = before->height == after->height && before->width == after->width;
        if (same_size && program->values[conv->output].channels < after->channels) commute(program, pool, conv);
    }
}

/* ---- residual ---- */

/* Whether the value's memory may be overwritten by the operation at `position`: nothing reads it later, and it has
 * no second name (a copy that only renames). */
static bool dies_at(const pdl_program *program, int value, size_t position)
{
    if (value == program->input || value == program->output) return false;
    if (pdl_producer(program, value)->kind == PDL_OP_COPY) return false;
    for (size_t i = 0; i < program->op_count; i++) {
        const pdl_op *op = &program->ops[i];
        if (op->kind == PDL_OP_NONE || i == position) continue;
        for (size_t j = 0; j < op->inputs; j++)
            if (op->input[j] == value && (i > position || op->kind == PDL_OP_COPY)) return false;
    }
    return true;
}

/* Whether an operation between `from` and `to` writes into the value's memory. */
static bool overwritten(const pdl_program *program, int value, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (pdl_adds_into(&program->ops[i], value)) return true;
    return false;
}

/* The convolution that can do the addition: the add's input number `side`, or NULL. */
static pdl_op *residual_conv(const pdl_program *program, const pdl_op *add, size_t side)
{
    int sum = add->input[side], other = add->input[1 - side];
    pdl_op *conv = pdl_producer(program, sum);
    if (conv == NULL || conv->kind != PDL_OP_CONV || finished(conv) || conv->residual) return NULL;
    if (program->values[sum].uses != 1 || conv->input[0] == other || sum == other) return NULL;
    size_t here = (size_t)(add - program->ops);
    if (overwritten(program, conv->input[0], (size_t)(conv - program->ops), here)) return NULL;
    return dies_at(program, other, here) ? conv : NULL;
}

/* The convolution moves down to the add's place, where the other summand is ready. */
static void add_residual(pdl_program *program, pdl_op *add, pdl_op *conv, int other)
{
    pdl_op merged = *conv;
    merged.layer = add->layer;
    merged.output = add->output;
    move_finish(&merged, add);
    merged.residual = true;
    merged.input[merged.inputs++] = other; /* lower.c left room */
    free(conv->layer);
    free(add->input);
    *add = merged;
    *conv = (pdl_op){.kind = PDL_OP_NONE};
    program->values[add->output].producer = (int)(add - program->ops);
}

static void fuse_residuals(pdl_program *program)
{
    for (size_t i = 0; i < program->op_count; i++) {
        pdl_op *add = &program->ops[i];
        if (add->kind != PDL_OP_ADD || add->inputs != 2) continue;
        /* The later convolution: the earlier one's result is then ready when the later one runs. */
        size_t side = program->values[add->input[1]].producer > program->values[add->input[0]].producer;
        pdl_op *conv = residual_conv(program, add, side);
        if (conv == NULL) conv = residual_conv(program, add, side = 1 - side);
        if (conv != NULL) add_residual(program, add, conv, add->input[1 - side]);
    }
}

/* ---- the end ---- */

/* Drops what was fused away. */
static void compact(pdl_program *program)
{
    size_t kept = 0;
    for (size_t i = 0; i < program->op_count; i++) {
        pdl_op *op = &program->ops[i];
        if (op->kind != PDL_OP_NONE) {
            program->ops[kept++] = *op;
            continue;
        }
        free(op->layer);
        free(op->input);
        pdl_free(op->scale);
        pdl_free(op->shift);
    }
    program->op_count = kept;
    pdl_count_uses(program);
}

/* *rounded: the doubles in float, in their place. */
static pdl_status round_numbers(double **numbers, size_t count, float **rounded, pdl_error *error)
{
    if (*numbers == NULL) return PDL_OK;
    *rounded = pdl_alloc(count, sizeof **rounded);
    if (*rounded == NULL) return pdl_fail_memory(error, count * sizeof **rounded, "a scale or a bias");
    for (size_t i = 0; i < count; i++)
        (*rounded)[i] = (float)(*numbers)[i];
    pdl_free(*numbers);
    *numbers = NULL;
    return PDL_OK;
}

/* The kernels read them in float. */
static pdl_status round_affines(pdl_program *program, pdl_error *error)
{
    pdl_status status = PDL_OK;
    for (size_t i = 0; status == PDL_OK && i < program->op_count; i++) {
        pdl_op *op = &program->ops[i];
        size_t channels = program->values[op->output].channels;
        status = round_numbers(&op->scale, channels, &op->factor, error);
        if (status == PDL_OK) status = round_numbers(&op->shift, channels, &op->bias, error);
    }
    return status;
}

pdl_status pdl_fuse(pdl_program *program, size_t threads, pdl_error *error)
{
    pdl_count_uses(program);
    pdl_status status = fold_affines(program, error);
    if (status != PDL_OK) return status;
    fold_pads(program);
    fold_relus(program); /* a pad may stand between */
    if ((status = splice_concats(program, error)) != PDL_OK) return status;
    if ((status = pdl_pull_strides(program, error)) != PDL_OK) return status;
    commute_pools(program);
    fuse_residuals(program);
    compact(program);
    if ((status = pdl_take_weights(program, threads, error)) != PDL_OK) return status;
    return round_affines(program, error);
}
