/* SPDX-License-Identifier: Apache-2.0 */
#include "net/choice.h"

#include "base/status.h"
#include "net/cost.h"
#include "net/pointwise/pointwise.h"
#include "net/trial.h"
#include "net/winograd/error.h"

#include <math.h>
#include <stdlib.h>

/* Winograd must win by so much: its weights take several times the memory, and its error is larger. */
#define MARGIN 1.1
/* Our 1x1 beside oneDNN's: 0.78 to 1.05 on the layers of ResNet50, InceptionV3 and Xception, in float32. */
#define POINTWISE 0.93
/* Of a layer's output in float32, relative L2: where some ten such layers follow each other, features still differ by
 * less than 1e-4. In bfloat16 a layer's output alone is rounded by 2e-3; where the input is constant, a tile may
 * have 1.1 times as much. */
#define LARGEST_ERROR 2e-5
#define LARGEST_BF16_ERROR 2.5e-2
#define LARGEST_CONSTANT_ERROR 1.9e-3
/* What less error may cost in bfloat16, by the estimate. Maps of 14 x 14, which large tiles do not divide, are next to
 * the features, which errors of the last layers change most: there small tiles took 1.12 times as long. */
#define BF16_PRICE 1.4
/* Of a map that is better not written: a part of a core's L2 cache for each image, more than it for a batch. */
#define EXPANDED_BYTES ((size_t)4 << 20)

pdl_map pdl_shape_of(const pdl_program *program, int value, size_t batch)
{
    const pdl_value *shape = &program->values[value];
    return (pdl_map){.precision = program->precision,
                     .pitch = shape->channels,
                     .batch = batch,
                     .height = shape->height,
                     .width = shape->width,
                     .channels = shape->channels};
}

/* ---- candidates ---- */

bool pdl_makes_slice(const pdl_program *program, const pdl_op *conv)
{
    if (conv->residual || program->values[conv->output].uses != 1) return false;
    for (size_t i = 0; i < program->op_count; i++) {
        const pdl_op *op = &program->ops[i];
        for (size_t j = 0; op->kind == PDL_OP_CONCAT && j < op->inputs; j++)
            if (op->input[j] == conv->output) return true;
    }
    return false;
}

/* Whether the value could have another name, or be written over before operation `end`. */
static bool may_change(const pdl_program *program, int value, size_t begin, size_t end)
{
    const pdl_op *maker = pdl_producer(program, value);
    if (maker != NULL && maker->kind == PDL_OP_COPY) return true;
    for (size_t i = 0; i < program->op_count; i++) {
        const pdl_op *op = &program->ops[i];
        if (op->kind == PDL_OP_COPY && op->input[0] == value) return true;
        if (i >= begin && i <= end && pdl_adds_into(op, value)) return true;
    }
    return false;
}

/* Which input of a product is a map, the other being one factor a channel and image; -1 where it is another product. */
static int map_of_product(const pdl_program *program, const pdl_op *op)
{
    if (op->kind != PDL_OP_MERGE || op->merge != PDL_MERGE_MULTIPLY || op->inputs != 2) return -1;
    if (op->relu || pdl_function_is_set(&op->function)) return -1;
    const pdl_value *out = &program->values[op->output];
    for (int map = 0; map < 2; map++) {
        const pdl_value *x = &program->values[op->input[map]], *factors = &program->values[op->input[1 - map]];
        if (x->height == out->height && x->width == out->width && x->channels == out->channels &&
            factors->height == 1 && factors->width == 1 && factors->channels == out->channels)
            return map;
    }
    return -1;
}

/* Which input of the operation is the map that it is computed from block by block; -1 where it cannot be. */
static int map_before(const pdl_program *program, const pdl_op *op)
{
    if (op->kind == PDL_OP_AFFINE) return 0;
    if (op->kind == PDL_OP_DEPTHWISE) return op->multiplier == 1 ? 0 : -1;
    return map_of_product(program, op);
}

/* The 1x1 convolution that alone reads the operation's output and could do it on the way, or -1. */
static int find_product(const pdl_program *program, const pdl_op *op)
{
    if (program->values[op->output].uses != 1) return -1;
    for (size_t i = 0; i < program->op_count; i++) {
        const pdl_op *conv = &program->ops[i];
        if (conv->kind == PDL_OP_CONV && conv->input[0] == op->output)
            return pdl_pointwise_fits(conv, program->values[op->output].channels) ? (int)i : -1;
    }
    return -1;
}

int pdl_find_expansion(const pdl_program *program, size_t index, const pdl_setting *setting)
{
    const pdl_op *op = &program->ops[index];
    if (op->kind != PDL_OP_DEPTHWISE || op->multiplier != 1 || setting->algorithm != PDL_ALGORITHM_AUTO) return -1;
    const pdl_value *in = &program->values[op->input[0]], *out = &program->values[op->output];
    int maker = in->producer;
    if (maker < 0 || in->uses != 1) return -1;
    const pdl_op *conv = &program->ops[maker];
    /* Where windows have gaps, later ones may begin above earlier ones. */
    if (conv->kind != PDL_OP_CONV || conv->residual || op->window.dilation[0] != 1) return -1;
    if (!pdl_pointwise_fits(conv, program->values[conv->input[0]].channels)) return -1;
    size_t bytes = setting->batch * pdl_value_size(in) * pdl_element_size(program->precision);
    /* The map that a 1x1 after it would do without is to be the smaller one. */
    bool pays = find_product(program, op) < 0 || 2 * pdl_value_size(out) <= pdl_value_size(in);
    if (bytes < EXPANDED_BYTES || !pays) return -1;
    return may_change(program, conv->input[0], (size_t)maker, index) ? -1 : maker;
}

bool pdl_is_expansion(const pdl_program *program, size_t index, const pdl_setting *setting)
{
    for (size_t i = index + 1; i < program->op_count; i++)
        if (program->ops[i].kind == PDL_OP_DEPTHWISE && program->ops[i].input[0] == program->ops[index].output)
            return pdl_find_expansion(program, i, setting) == (int)index;
    return false;
}

int pdl_find_before(const pdl_program *program, size_t index, const pdl_setting *setting)
{
    const pdl_op *conv = &program->ops[index];
    int maker = program->values[conv->input[0]].producer;
    if (!pdl_pointwise_fits(conv, program->values[conv->input[0]].channels)) return -1;
    if (maker < 0 || program->values[conv->input[0]].uses != 1) return -1;
    const pdl_op *before = &program->ops[maker];
    if (map_before(program, before) < 0 || pdl_find_expansion(program, (size_t)maker, setting) >= 0) return -1;
    pdl_pointwise plan;
    pdl_map in = pdl_shape_of(program, conv->input[0], setting->batch);
    pdl_map out = pdl_shape_of(program, conv->output, setting->batch);
    pdl_pointwise_plan(&plan, before, &in, &out, setting->threads, setting->simd);
    /* Each part of the outputs computes it anew: what is cheap may be computed twice. */
    if (plan.parts > (before->kind == PDL_OP_DEPTHWISE ? 1 : 2)) return -1;
    for (size_t i = 0; i < before->inputs; i++)
        if (may_change(program, before->input[i], (size_t)maker, index)) return -1;
    return maker;
}

/* The small tiles have the smaller error. */
static bool allows_tile(pdl_algorithm algorithm, pdl_tile_kind tile)
{
    bool large = pdl_tile_line(tile, 0)->outputs * pdl_tile_line(tile, 1)->outputs > 4;
    switch (algorithm) {
    case PDL_ALGORITHM_DIRECT:
        return false;
    case PDL_ALGORITHM_WINOGRAD_SMALL:
        return !large;
    case PDL_ALGORITHM_WINOGRAD_LARGE:
        return large;
    default:
        return true;
    }
}

static double error_of(const pdl_program *program, const pdl_op *op, pdl_tile_kind tile)
{
    return pdl_winograd_error(op, tile, program->values[op->input[0]].channels, program->precision);
}

static bool rounds_too_much(const pdl_program *program, const pdl_op *op, pdl_tile_kind tile)
{
    double error = error_of(program, op, tile);
    if (program->precision == PDL_PRECISION_FLOAT32) return error > LARGEST_ERROR;
    return error > LARGEST_BF16_ERROR || pdl_winograd_constant_error(op, tile) > LARGEST_CONSTANT_ERROR;
}

/* Drops tiles beside which another of less error costs little more; returns how many candidates are left. */
static size_t prefer_exact(const pdl_program *program, const pdl_op *op, pdl_candidate *list, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool dominated = false;
        for (size_t j = 0; j < count && list[i].tile < PDL_TILE_FILTERS && !dominated; j++)
            dominated = list[j].tile < PDL_TILE_FILTERS && list[j].cost <= BF16_PRICE * list[i].cost &&
                        error_of(program, op, list[j].tile) < error_of(program, op, list[i].tile);
        if (!dominated) list[kept++] = list[i];
    }
    return kept;
}

size_t pdl_candidates_list(const pdl_program *program, size_t index, const pdl_setting *setting,
                           pdl_candidate list[PDL_MAX_CANDIDATES])
{
    const pdl_op *op = &program->ops[index];
    pdl_map in = pdl_shape_of(program, op->input[0], setting->batch);
    pdl_map out = pdl_shape_of(program, op->output, setting->batch);
    double direct = pdl_cost_direct(op, &in, &out);
    bool measured = setting->simd == PDL_SIMD_AVX2 || setting->simd == PDL_SIMD_AVX512;
    double own_speed = measured ? POINTWISE : 1; /* with a tie oneDNN's is taken */
    if (pdl_makes_slice(program, op)) direct += pdl_cost_copy(&out);
    if (pdl_find_before(program, index, setting) >= 0) direct += pdl_cost_copy(&in);
    size_t count = 0;
    list[count++] = (pdl_candidate){PDL_TILE_KINDS, direct};
    if (setting->algorithm != PDL_ALGORITHM_DIRECT && pdl_pointwise_fits(op, in.channels))
        list[count++] = (pdl_candidate){PDL_TILE_1X1, own_speed * pdl_cost_pointwise(op, &in, &out)};
    for (int tile = 0; tile < PDL_TILE_FILTERS; tile++) {
        if (!allows_tile(setting->algorithm, tile) ||
            !pdl_winograd_fits(op, tile, in.channels, out.channels, setting->simd))
            continue;
        /* Where one kind of tile is asked for, it is taken wherever there is one. */
        if (setting->algorithm != PDL_ALGORITHM_AUTO)
            list[0].cost = INFINITY;
        else if (rounds_too_much(program, op, tile))
            continue;
        double cost = pdl_cost_tile(tile, op, &in, &out, setting->threads, setting->simd);
        list[count++] = (pdl_candidate){tile, MARGIN * cost};
    }
    if (program->precision == PDL_PRECISION_BFLOAT16 && setting->algorithm == PDL_ALGORITHM_AUTO)
        count = prefer_exact(program, op, list, count);
    return count;
}

/* ---- choices ---- */

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
static int find_pool(const pdl_program *program, size_t index, pdl_tile_kind tile, pdl_simd simd)
{
    const pdl_op *conv = &program->ops[index];
    if (tile >= PDL_TILE_FILTERS || pdl_winograd_kernels_for(simd)->pool[tile] == NULL) return -1;
    if (conv->residual || program->values[conv->output].uses != 1 || pdl_function_is_set(&conv->function)) return -1;
    for (size_t i = index + 1; i < program->op_count; i++)
        if (halves(&program->ops[i]) && program->ops[i].input[0] == conv->output) return (int)i;
    return -1;
}

static pdl_tile_kind cheapest(const pdl_candidate *list, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (list[i].cost < list[best].cost) best = i;
    return list[best].tile;
}

/* Has what the errors of Winograd's tiles are estimated from, for every convolution that a tile fits. */
static pdl_status measure_weights(pdl_program *program, const pdl_setting *setting, pdl_error *error)
{
    pdl_status status = PDL_OK;
    if (setting->algorithm != PDL_ALGORITHM_AUTO) return status;
    for (size_t i = 0; i < program->op_count && status == PDL_OK; i++) {
        pdl_op *op = &program->ops[i];
        bool fits = false;
        if (op->kind != PDL_OP_CONV || op->weight == NULL || op->tap_products != NULL) continue;
        size_t channels = program->values[op->input[0]].channels, outputs = program->values[op->output].channels;
        for (int tile = 0; tile < PDL_TILE_FILTERS && !fits; tile++)
            fits = pdl_winograd_fits(op, tile, channels, outputs, setting->simd);
        if (fits) status = pdl_tap_products_make(op, channels, outputs, error);
    }
    return status;
}

int pdl_choice_input(const pdl_program *program, const pdl_choice *choices, size_t index, size_t input)
{
    int before = input == 0 ? choices[index].before : -1;
    if (before < 0) return program->ops[index].input[input];
    const pdl_op *op = &program->ops[before];
    return op->input[op->kind == PDL_OP_MERGE ? map_of_product(program, op) : 0];
}

int pdl_choice_factors(const pdl_program *program, const pdl_choice *choices, size_t index)
{
    int before = choices[index].before;
    if (before < 0 || program->ops[before].kind != PDL_OP_MERGE) return -1;
    return program->ops[before].input[1 - map_of_product(program, &program->ops[before])];
}

pdl_status pdl_choices_make(const pdl_engine *engine, pdl_program *program, const pdl_setting *setting,
                            pdl_choice **out, pdl_error *error)
{
    pdl_status status = measure_weights(program, setting, error);
    if (status != PDL_OK) return status;
    pdl_choice *choices = calloc(program->op_count + 1, sizeof *choices);
    if (choices == NULL) return pdl_fail_memory(error, program->op_count * sizeof *choices, "the choice of algorithms");
    for (size_t i = 0; i < program->op_count; i++) {
        pdl_candidate list[PDL_MAX_CANDIDATES];
        choices[i].tile = PDL_TILE_KINDS;
        choices[i].pool = choices[i].before = -1;
        if (program->ops[i].kind != PDL_OP_CONV) continue;
        choices[i].tile = cheapest(list, pdl_candidates_list(program, i, setting, list));
    }
    if (setting->decisions != NULL && setting->algorithm == PDL_ALGORITHM_AUTO)
        pdl_trial_run(engine, program, setting, choices);
    for (size_t i = 0; i < program->op_count; i++) {
        choices[i].before = pdl_find_expansion(program, i, setting);
        if (choices[i].before >= 0) choices[choices[i].before].done = true;
    }
    for (size_t i = 0; i < program->op_count; i++) {
        if (choices[i].done) continue;
        choices[i].pool = find_pool(program, i, choices[i].tile, setting->simd);
        if (choices[i].pool >= 0) choices[choices[i].pool].done = true;
        if (choices[i].tile == PDL_TILE_1X1) choices[i].before = pdl_find_before(program, i, setting);
        if (choices[i].before >= 0) choices[choices[i].before].done = true;
    }
    *out = choices;
    return PDL_OK;
}
