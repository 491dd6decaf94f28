/* Pulls strides up, so that nothing computes pixels that nobody reads. SPDX-License-Identifier: Apache-2.0
 *
 * A pointwise operation with stride s reads every s-th pixel only. Where all readers of a value do, its producer makes
 * just those pixels and the readers lose their stride:
 *
 *     conv 3x3 ─► conv 1x1 ─► add, relu ─┬► conv 1x1 / 2        conv 3x3 / 2 ─► conv 1x1 ─► add, relu ─┬► conv 1x1
 *     x ──────────────────────┘          └► conv 1x1 / 2   =    x ─► every 2nd pixel ────────┘         └► conv 1x1
 *
 * which saves three quarters of both convolutions at the end of each of ResNet's stages. "Every s-th pixel" is a max
 * pool with a window of one pixel; it goes where it meets a producer that takes the stride. */
#define _POSIX_C_SOURCE 200809L /* strdup */
#include "base/status.h"
#include "net/fuse.h"

#include <stdlib.h>
#include <string.h>

static bool unit_window(const pdl_op *op)
{
    const pdl_window *w = &op->window;
    return w->kernel[0] == 1 && w->kernel[1] == 1 && (w->before[0] | w->before[1] | w->after[0] | w->after[1]) == 0;
}

static bool strided(const pdl_op *op)
{
    bool kind = op->kind == PDL_OP_CONV || op->kind == PDL_OP_DEPTHWISE || op->kind == PDL_OP_MAX_POOL;
    return kind && unit_window(op) && (op->window.stride[0] > 1 || op->window.stride[1] > 1);
}

/* The stride that all readers of the value share; false when one reads more. */
static bool common_stride(const pdl_program *program, int value, size_t stride[2])
{
    bool found = false;
    if (value == program->output || value == program->input) return false;
    for (size_t i = 0; i < program->op_count; i++) {
        const pdl_op *op = &program->ops[i];
        for (size_t j = 0; op->kind != PDL_OP_NONE && j < op->inputs; j++) {
            if (op->input[j] != value) continue;
            if (!strided(op) || (found && memcmp(stride, op->window.stride, sizeof op->window.stride) != 0))
                return false;
            memcpy(stride, op->window.stride, sizeof op->window.stride);
            found = true;
        }
    }
    return found;
}

static bool takes_stride(const pdl_op *op)
{
    switch (op->kind) {
    case PDL_OP_CONV:
    case PDL_OP_DEPTHWISE:
    case PDL_OP_MAX_POOL:
    case PDL_OP_AVG_POOL:
        return true;
    default:
        return false;
    }
}

static void replace_value(pdl_program *program, int from, int to)
{
    for (size_t i = 0; i < program->op_count; i++) {
        pdl_op *op = &program->ops[i];
        for (size_t j = 0; op->kind != PDL_OP_NONE && j < op->inputs; j++)
            if (op->input[j] == from) op->input[j] = to;
    }
    if (program->output == from) program->output = to;
}

/* The readers lose their stride; those that then do nothing go. */
static void drop_stride(pdl_program *program, int value)
{
    for (size_t i = 0; i < program->op_count; i++) {
        pdl_op *op = &program->ops[i];
        if (op->kind == PDL_OP_NONE || op->inputs == 0 || op->input[0] != value) continue;
        op->window.stride[0] = op->window.stride[1] = 1;
        if (op->kind != PDL_OP_MAX_POOL) continue;
        op->kind = PDL_OP_NONE;
        replace_value(program, op->output, value);
    }
}

static void thin(pdl_value *value, const size_t stride[2])
{
    value->height = (value->height - 1) / stride[0] + 1;
    value->width = (value->width - 1) / stride[1] + 1;
}

/* Room for one operation more at `at` and one value more. */
static pdl_status make_room(pdl_program *program, size_t at, pdl_error *error)
{
    pdl_value *values = realloc(program->values, (program->value_count + 1) * sizeof *values);
    if (values == NULL) return pdl_fail_memory(error, sizeof *values, "a network's values");
    program->values = values;
    pdl_op *ops = realloc(program->ops, (program->op_count + 1) * sizeof *ops);
    if (ops == NULL) return pdl_fail_memory(error, sizeof *ops, "a network's operations");
    program->ops = ops;
    memmove(&ops[at + 1], &ops[at], (program->op_count - at) * sizeof *ops);
    ops[at] = (pdl_op){.kind = PDL_OP_NONE};
    program->op_count++;
    return PDL_OK;
}

/* Makes input `index` of operation `at` every s-th pixel of what it was; the operation moves to at + 1. */
static pdl_status insert_thinning(pdl_program *program, size_t at, size_t index, const size_t stride[2],
                                  pdl_error *error)
{
    pdl_status status = make_room(program, at, error);
    if (status != PDL_OK) return status;
    pdl_op *op = &program->ops[at + 1];
    pdl_op thinning = {.kind = PDL_OP_MAX_POOL, .inputs = 1, .output = (int)program->value_count};
    thinning.window = (pdl_window){.kernel = {1, 1}, .stride = {stride[0], stride[1]}, .dilation = {1, 1}};
    thinning.layer = strdup(op->layer);
    thinning.input = calloc(2, sizeof *thinning.input);
    if (thinning.layer == NULL || thinning.input == NULL) {
        free(thinning.layer);
        free(thinning.input);
        return pdl_fail_memory(error, sizeof thinning, op->layer);
    }
    thinning.input[0] = op->input[index];
    op->input[index] = thinning.output;
    program->values[program->value_count] = program->values[thinning.input[0]];
    thin(&program->values[program->value_count++], stride);
    program->ops[at] = thinning;
    return PDL_OK;
}

pdl_status pdl_pull_strides(pdl_program *program, pdl_error *error)
{
    for (size_t i = program->op_count; i-- > 0;) {
        size_t stride[2];
        pdl_op *op = &program->ops[i];
        bool pointwise = op->kind == PDL_OP_ADD || op->kind == PDL_OP_AFFINE;
        if (!(takes_stride(op) || pointwise) || !common_stride(program, op->output, stride)) continue;
        drop_stride(program, op->output);
        thin(&program->values[op->output], stride);
        if (takes_stride(op)) {
            op->window.stride[0] *= stride[0];
            op->window.stride[1] *= stride[1];
            continue;
        }
        size_t inputs = op->inputs;
        for (size_t j = 0; j < inputs; j++) {
            pdl_status status = insert_thinning(program, i + j, j, stride, error);
            if (status != PDL_OK) return status;
        }
        i += inputs; /* goes on with the pools just inserted */
    }
    pdl_count_uses(program);
    return PDL_OK;
}
