/* SPDX-License-Identifier: Apache-2.0 */
#include "net/choice.h"

#include "base/status.h"
#include "net/pointwise/pointwise.h"

#include <stdlib.h>

pdl_map pdl_shape_of(const pdl_program *program, int value, size_t batch)
{
    const pdl_value *shape = &program->values[value];
    return (pdl_map){.pitch = shape->channels,
                     .batch = batch,
                     .height = shape->height,
                     .width = shape->width,
                     .channels = shape->channels};
}

/* Whether the operation takes the maximum of every 2 x 2 pixels, leaving out what is over at the edges. */
static bool halves(const pdl_op *op)
{
    if (op->kind != PDL_OP_MAX_POOL) return false;
    for (int axis = 0; axis < 2; axis++)
        if (op->window.kernel[axis] != 2 || op->window.stride[axis] != 2 || op->window.before[axis] != 0 ||
            op->window.after[axis] != 0)
            return false;
    return true;
}

/* The pooling that alone reads the convolution's output and can be done by Winograd's last step, or -1. */
static int find_pool(const pdl_program *program, size_t index, pdl_tile_kind tile)
{
    const pdl_op *conv = &program->ops[index];
    if (conv->residual || pdl_winograd_choose_kernels()->pool[tile] == NULL) return -1;
    if (program->values[conv->output].uses != 1) return -1;
    for (size_t i = index + 1; i < program->op_count; i++)
        if (halves(&program->ops[i]) && program->ops[i].input[0] == conv->output) return (int)i;
    return -1;
}

/* Convolutions of 1x1 that make a part of a concat: oneDNN's cannot write there. */
static void choose_pointwise(const pdl_program *program, pdl_choice *choices)
{
    for (size_t i = 0; i < program->op_count; i++) {
        const pdl_op *concat = &program->ops[i];
        for (size_t j = 0; concat->kind == PDL_OP_CONCAT && j < concat->inputs; j++) {
            const pdl_value *value = &program->values[concat->input[j]];
            if (value->producer < 0 || value->uses != 1) continue;
            const pdl_op *maker = &program->ops[value->producer];
            size_t channels = program->values[maker->input[0]].channels;
            if (!maker->residual && pdl_pointwise_fits(maker, channels, value->channels))
                choices[value->producer].tile = PDL_TILE_1X1;
        }
    }
}

pdl_status pdl_choices_make(const pdl_program *program, size_t batch, pdl_algorithm algorithm, size_t threads,
                            pdl_choice **out, pdl_error *error)
{
    pdl_choice *choices = calloc(program->op_count + 1, sizeof *choices);
    if (choices == NULL) return pdl_fail_memory(error, program->op_count * sizeof *choices, "the choice of algorithms");
    for (size_t i = 0; i < program->op_count; i++) {
        const pdl_op *op = &program->ops[i];
        choices[i].tile = PDL_TILE_KINDS;
        choices[i].pool = -1;
        if (op->kind != PDL_OP_CONV) continue;
        pdl_map in = pdl_shape_of(program, op->input[0], batch), map = pdl_shape_of(program, op->output, batch);
        choices[i].tile = pdl_winograd_choose_tile(op, &in, &map, algorithm, threads);
        if (choices[i].tile != PDL_TILE_KINDS) choices[i].pool = find_pool(program, i, choices[i].tile);
    }
    if (algorithm != PDL_ALGORITHM_DIRECT) choose_pointwise(program, choices);
    for (size_t i = 0; i < program->op_count; i++)
        if (choices[i].pool >= 0) choices[choices[i].pool].done = true;
    *out = choices;
    return PDL_OK;
}
