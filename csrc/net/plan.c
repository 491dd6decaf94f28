/* SPDX-License-Identifier: Apache-2.0 */
#include "net/plan.h"

#include "base/memory.h"
#include "base/status.h"

#include <stdlib.h>
#include <string.h>

/* The memory of a value and of all that share it, known by the value that owns it. */
typedef struct storage {
    size_t bytes;       /* 0: this value shares another's memory */
    size_t first, last; /* operations between which it is alive, both included */
    size_t offset;
    bool placed;
} storage;

typedef struct planner {
    const pdl_program *program;
    const pdl_choice *choices;
    int *owner;        /* by value: whose memory it shares; itself for an owner */
    size_t *channel;   /* by value: a slice's first channel within its owner */
    size_t *pitch;     /* by value: a slice's elements from pixel to pixel; 0 for others */
    storage *storages; /* by value */
    size_t *order;     /* storages, largest first */
} planner;

bool pdl_plan_renames(const pdl_program *program, const pdl_op *op)
{
    if (op->kind != PDL_OP_COPY || op->output != program->output) return op->kind == PDL_OP_COPY;
    int source = op->input[0]; /* whatever its names */
    for (const pdl_op *maker = pdl_producer(program, source); maker != NULL && maker->kind == PDL_OP_COPY;
         maker = pdl_producer(program, source))
        source = maker->input[0];
    return source != program->input;
}

static int owner_of(const planner *p, int value)
{
    while (p->owner[value] != value)
        value = p->owner[value];
    return value;
}

/* Our own kernels can write with any pitch; oneDNN falls to its reference code there. */
static bool writes_slices(const planner *p, const pdl_op *op)
{
    switch (op->kind) {
    case PDL_OP_CONV: /* a residual one writes where its summand is */
        return p->choices[op - p->program->ops].tile != PDL_TILE_KINDS && !op->residual;
    case PDL_OP_MAX_POOL:
    case PDL_OP_AVG_POOL:
    case PDL_OP_AFFINE:
    case PDL_OP_ADD:
    case PDL_OP_MERGE:
    case PDL_OP_PRELU:
    case PDL_OP_LAYER_NORM:
    case PDL_OP_PAD:
        return true;
    default:
        return false;
    }
}

/* Whether a convolution adds its results into the value's memory. */
static bool is_added_into(const pdl_program *program, int value)
{
    for (size_t i = 0; i < program->op_count; i++)
        if (pdl_adds_into(&program->ops[i], value)) return true;
    return false;
}

/* Whether our own kernels, which read with any pitch, are all that read the value; none of them writes over it. */
static bool read_as_slice(const planner *p, int value)
{
    const pdl_program *program = p->program;
    for (size_t i = 0; i < program->op_count; i++) {
        const pdl_op *op = &program->ops[i];
        for (size_t j = 0; j < op->inputs; j++) {
            if (op->input[j] != value) continue;
            bool product = op->kind == PDL_OP_CONV && p->choices[i].tile == PDL_TILE_1X1 && j == 0;
            bool pool = op->kind == PDL_OP_MAX_POOL || op->kind == PDL_OP_AVG_POOL;
            if (!product && !pool && op->kind != PDL_OP_AFFINE && op->kind != PDL_OP_CONCAT) return false;
        }
    }
    return value != program->output;
}

/* Whether the concat's input can be made where the concat is: by a kernel of ours for it alone, or, as in a dense
 * block, as a concat that is continued. That one may be read after the whole, which then is not to be written over. */
static bool is_slice(const planner *p, const pdl_op *concat, int value)
{
    const pdl_op *maker = pdl_producer(p->program, value);
    if (maker == NULL || p->owner[value] != value) return false;
    size_t uses = p->program->values[value].uses;
    if (maker->kind == PDL_OP_CONCAT)
        return uses > 1 && read_as_slice(p, value) && !is_added_into(p->program, concat->output);
    return uses == 1 && writes_slices(p, maker);
}

static void share_slices(planner *p, const pdl_op *concat)
{
    const pdl_program *program = p->program;
    size_t channel = 0;
    for (size_t i = 0; i < concat->inputs; i++) {
        int value = concat->input[i];
        if (is_slice(p, concat, value)) {
            p->owner[value] = concat->output;
            p->channel[value] = channel;
            p->pitch[value] = program->values[concat->output].channels;
        }
        channel += program->values[value].channels;
    }
}

/* Whether the operation is a concat that continues another one. */
static bool continues(const planner *p, const pdl_op *maker)
{
    for (size_t i = 0; maker->kind == PDL_OP_CONCAT && i < maker->inputs; i++)
        if (p->owner[maker->input[i]] == maker->output && p->program->values[maker->input[i]].uses > 1) return true;
    return false;
}

/* Whether the operation is the only reader of a value whose memory it may then take. The outputs of copies, and
 * concats that continue others, share theirs with values that may be read later. */
static bool may_take(const planner *p, int value)
{
    const pdl_op *maker = pdl_producer(p->program, value);
    return maker != NULL && maker->kind != PDL_OP_COPY && p->program->values[value].uses == 1 && !continues(p, maker);
}

/* Whether the operation may write over its first input, element by element or row by row. */
static bool in_place(const pdl_program *program, const pdl_op *op)
{
    switch (op->kind) {
    case PDL_OP_AFFINE:
    case PDL_OP_ADD:
    case PDL_OP_PRELU:
    case PDL_OP_LAYER_NORM:
        return true;
    case PDL_OP_MERGE: /* an input that repeats is smaller */
        return pdl_value_size(&program->values[op->input[0]]) == pdl_value_size(&program->values[op->output]);
    default:
        return false;
    }
}

static void share_memory(planner *p)
{
    const pdl_program *program = p->program;
    for (size_t i = 0; i < program->value_count; i++)
        p->owner[i] = (int)i;
    for (size_t i = 0; i < program->op_count; i++)
        if (program->ops[i].kind == PDL_OP_CONCAT) share_slices(p, &program->ops[i]);
    for (size_t i = 0; i < program->op_count; i++) {
        const pdl_op *op = &program->ops[i];
        if (p->owner[op->output] != op->output) continue; /* a slice */
        if (op->residual)
            p->owner[op->output] = op->input[1];
        else if (pdl_plan_renames(program, op))
            p->owner[op->output] = op->input[0];
        else if (in_place(program, op) && may_take(p, op->input[0]))
            p->owner[op->output] = op->input[0];
    }
}

static void extend(storage *memory, size_t op)
{
    if (op < memory->first) memory->first = op;
    if (op > memory->last) memory->last = op;
}

static void find_lifetimes(planner *p)
{
    const pdl_program *program = p->program;
    for (size_t i = 0; i < program->value_count; i++)
        p->storages[i] = (storage){.first = SIZE_MAX, .last = 0};
    extend(&p->storages[owner_of(p, program->input)], 0);
    if (program->op_count > 0) extend(&p->storages[owner_of(p, program->output)], program->op_count - 1);
    for (size_t i = 0; i < program->op_count; i++) {
        const pdl_op *op = &program->ops[i];
        if (p->choices[i].done) continue;
        int pool = p->choices[i].pool, output = pool < 0 ? op->output : program->ops[pool].output;
        extend(&p->storages[owner_of(p, output)], i);
        for (size_t j = 0; j < op->inputs; j++)
            extend(&p->storages[owner_of(p, pdl_choice_input(program, p->choices, i, j))], i);
        int factors = pdl_choice_factors(program, p->choices, i);
        if (factors >= 0) extend(&p->storages[owner_of(p, factors)], i);
    }
}

static pdl_status measure(planner *p, size_t batch, pdl_error *error)
{
    size_t total = 0;
    for (size_t i = 0; i < p->program->value_count; i++) {
        storage *memory = &p->storages[i];
        size_t bytes;
        if (p->owner[i] != (int)i || memory->first == SIZE_MAX) continue;
        if (!pdl_size_mul(pdl_value_size(&p->program->values[i]), pdl_element_size(p->program->precision), &bytes) ||
            !pdl_size_mul(bytes, batch, &bytes) || bytes > SIZE_MAX / 2 - PDL_ALIGNMENT || total > SIZE_MAX / 2 - bytes)
            return pdl_fail(error, PDL_ELIMIT, "a batch of %zu images is too large for any memory", batch);
        memory->bytes = (bytes + PDL_ALIGNMENT - 1) / PDL_ALIGNMENT * PDL_ALIGNMENT;
        total += memory->bytes;
    }
    return PDL_OK;
}

static bool conflict(const storage *a, const storage *b)
{
    return a->placed && a->first <= b->last && b->first <= a->last;
}

/* The lowest offset at which the storage meets no other that is alive with it. */
static size_t lowest_offset(const planner *p, const storage *memory)
{
    size_t offset = 0;
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < p->program->value_count; i++) {
            const storage *other = &p->storages[i];
            if (!conflict(other, memory) || offset >= other->offset + other->bytes ||
                offset + memory->bytes <= other->offset)
                continue;
            offset = other->offset + other->bytes;
            moved = true;
        }
    }
    return offset;
}

/* Largest first, each as low as it goes: the "greedy by size" plan of Pisarchyk and Lee, "Efficient memory management
 * for deep neural net inference" (2020). */
static size_t place_all(planner *p)
{
    size_t count = 0, arena = 0;
    bool converted = p->program->precision != PDL_PRECISION_FLOAT32;
    int output = owner_of(p, p->program->output);
    for (size_t i = 0; i < p->program->value_count; i++) {
        if (p->storages[i].bytes == 0 || ((int)i == output && !converted)) continue;
        size_t at = count++;
        for (; at > 0 && p->storages[p->order[at - 1]].bytes < p->storages[i].bytes; at--)
            p->order[at] = p->order[at - 1];
        p->order[at] = i;
    }
    for (size_t i = 0; i < count; i++) {
        storage *memory = &p->storages[p->order[i]];
        memory->offset = lowest_offset(p, memory);
        memory->placed = true;
        if (memory->offset + memory->bytes > arena) arena = memory->offset + memory->bytes;
    }
    return arena;
}

/* Sets the first channel of the value in the widest map that it is a slice of, and that map's channels; 0 and 0 where
 * it is none. */
static void find_slice(const planner *p, int value, size_t *channel, size_t *pitch)
{
    *channel = *pitch = 0;
    for (; p->owner[value] != value; value = p->owner[value])
        if (p->pitch[value] != 0) {
            *channel += p->channel[value];
            *pitch = p->pitch[value];
        }
}

static void fill_tensors(const planner *p, pdl_plan *plan)
{
    const pdl_program *program = p->program;
    int input = owner_of(p, program->input), output = owner_of(p, program->output);
    for (size_t i = 0; i < program->value_count; i++) {
        int owner = owner_of(p, (int)i);
        pdl_tensor *tensor = &plan->tensors[i];
        tensor->place = owner == output ? PDL_PLACE_OUTPUT : owner == input ? PDL_PLACE_INPUT : PDL_PLACE_ARENA;
        size_t channel, pitch;
        find_slice(p, (int)i, &channel, &pitch);
        tensor->offset = channel * pdl_element_size(program->precision);
        if (tensor->place == PDL_PLACE_ARENA) tensor->offset += p->storages[owner].offset;
        tensor->pitch = pitch != 0 ? pitch : program->values[i].channels;
    }
    plan->input = p->storages[input].offset;
    plan->output = p->storages[output].offset;
}

pdl_status pdl_plan_make(const pdl_program *program, size_t batch, const pdl_choice *choices, pdl_plan *plan,
                         pdl_error *error)
{
    size_t count = program->value_count;
    planner p = {.program = program, .choices = choices};
    pdl_status status = PDL_OK;
    memset(plan, 0, sizeof *plan);
    p.owner = calloc(count, sizeof *p.owner);
    p.channel = calloc(count, sizeof *p.channel);
    p.pitch = calloc(count, sizeof *p.pitch);
    p.storages = calloc(count, sizeof *p.storages);
    p.order = calloc(count, sizeof *p.order);
    plan->tensors = calloc(count, sizeof *plan->tensors);
    if (!p.owner || !p.channel || !p.pitch || !p.storages || !p.order || !plan->tensors)
        status = pdl_fail_memory(error, count * sizeof *p.storages, "a memory plan");
    if (status == PDL_OK) {
        share_memory(&p);
        find_lifetimes(&p);
        status = measure(&p, batch, error);
    }
    if (status == PDL_OK) {
        plan->arena = place_all(&p);
        fill_tensors(&p, plan);
    } else {
        pdl_plan_clear(plan);
    }
    free(p.order);
    free(p.storages);
    free(p.pitch);
    free(p.channel);
    free(p.owner);
    return status;
}

void pdl_plan_clear(pdl_plan *plan)
{
    free(plan->tensors);
    memset(plan, 0, sizeof *plan);
}
