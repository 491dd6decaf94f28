/* Networks: creation, preparation by batch size, runs. SPDX-License-Identifier: Apache-2.0
 *
 * All state changes on the engine's thread, one call after the other, so a network needs no lock of its own. */
#define _POSIX_C_SOURCE 200809L /* strdup */
#include "base/memory.h"
#include "base/status.h"
#include "net/split.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_BATCHES 4 /* batch sizes that stay prepared; the one not used for longest goes */

struct pdl_network {
    pdl_program program;
    pdl_network_options options;
    pdl_split *prepared[KEPT_BATCHES]; /* the one used last comes first */
    pdl_room rooms[PDL_MAX_STREAMS];   /* shared by all batch sizes, as large as the largest wants */
};

static pdl_status check_create(const pdl_graph *graph, pdl_node output, const pdl_network_options *options,
                               pdl_error *error)
{
    pdl_status status = pdl_graph_status(graph, error);
    if (status != PDL_OK) return status;
    if (output < 0 || (size_t)output >= graph->count)
        return pdl_fail(error, PDL_EINVAL, "output is node %ld, expected one of the graph's %zu", (long)output,
                        graph->count);
    if (graph->layers[0].kind != PDL_KIND_INPUT)
        return pdl_fail(error, PDL_EINVAL, "%s: the first layer must be the input", graph->layers[0].name);
    if (options->preprocess < PDL_PREPROCESS_NONE || options->preprocess > PDL_PREPROCESS_TORCH)
        return pdl_fail(error, PDL_EINVAL, "unknown preprocessing %d", (int)options->preprocess);
    if (options->algorithm < PDL_ALGORITHM_AUTO || options->algorithm > PDL_ALGORITHM_WINOGRAD_LARGE)
        return pdl_fail(error, PDL_EINVAL, "unknown algorithm %d", (int)options->algorithm);
    return pdl_precision_check(options->precision, error);
}

/* Keeps the weights as they were given where oneDNN's layouts hold them rounded and Winograd may want them. */
static void keep_weights(pdl_program *program)
{
    for (size_t i = 0; i < program->op_count; i++) {
        pdl_op *op = &program->ops[i];
        const pdl_window *window = &op->window;
        if (program->precision != PDL_PRECISION_FLOAT32 && op->kind == PDL_OP_CONV)
            op->keep_weight = window->kernel[0] * window->kernel[1] > 1 && window->stride[0] * window->stride[1] == 1;
    }
}

/* The slopes of PReLUs are read beside activations, as numbers of their kind. */
static pdl_status round_slopes(pdl_program *program, pdl_error *error)
{
    for (size_t i = 0; i < program->op_count && program->precision != PDL_PRECISION_FLOAT32; i++) {
        pdl_op *op = &program->ops[i];
        if (op->kind != PDL_OP_PRELU) continue;
        pdl_bf16 *rounded = pdl_alloc(op->weights, sizeof *rounded);
        if (rounded == NULL) return pdl_fail_memory(error, op->weights * sizeof *rounded, op->layer);
        pdl_bf16_round_run(op->weight, op->weights, rounded);
        pdl_free(op->weight);
        op->weight = (void *)rounded;
    }
    return PDL_OK;
}

static pdl_status copy_path(const char *path, const char **out, pdl_error *error)
{
    *out = strdup(path);
    return *out != NULL ? PDL_OK : pdl_fail_memory(error, strlen(path) + 1, "a path");
}

pdl_status pdl_network_create(const pdl_graph *graph, pdl_node output, const float *const *params,
                              const pdl_network_options *options, pdl_network **out, pdl_error *error)
{
    pdl_status status = check_create(graph, output, options, error);
    if (status != PDL_OK) return status;
    pdl_network *network = calloc(1, sizeof *network);
    if (network == NULL) return pdl_fail_memory(error, sizeof *network, "a network");
    network->options = *options;
    network->options.decisions = NULL;
    /* Once and for all: what is prepared has working memory for so many. */
    if (options->threads == 0) network->options.threads = pdl_default_threads();
    if (options->decisions != NULL) status = copy_path(options->decisions, &network->options.decisions, error);
    if (status == PDL_OK) status = pdl_lower(graph, output, params, &network->program, error);
    if (status == PDL_OK) status = pdl_fuse(&network->program, network->options.threads, error);
    network->program.precision = options->precision;
    if (status == PDL_OK) status = round_slopes(&network->program, error);
    keep_weights(&network->program);
    if (status == PDL_OK)
        *out = network;
    else
        pdl_network_destroy(network);
    return status;
}

void pdl_network_destroy(pdl_network *network)
{
    if (network == NULL) return;
    for (size_t i = 0; i < KEPT_BATCHES; i++)
        pdl_split_destroy(network->prepared[i]);
    pdl_program_clear(&network->program);
    pdl_rooms_clear(network->rooms);
    free((char *)(uintptr_t)network->options.decisions);
    free(network);
}

void pdl_network_shapes(const pdl_network *network, pdl_shape *input, pdl_shape *output)
{
    *input = network->program.input_shape;
    *output = network->program.output_shape;
}

/* ---- preparation ---- */

/* Moves the batch's preparation to the front; false when there is none. */
static bool use_prepared(pdl_network *network, size_t batch)
{
    for (size_t i = 0; i < KEPT_BATCHES; i++) {
        pdl_split *found = network->prepared[i];
        if (found == NULL || found->batch != batch) continue;
        memmove(&network->prepared[1], &network->prepared[0], i * sizeof found);
        network->prepared[0] = found;
        return true;
    }
    return false;
}

static pdl_status prepare(const pdl_engine *engine, pdl_network *network, size_t batch, pdl_error *error)
{
    if (use_prepared(network, batch)) return PDL_OK;
    pdl_split *prepared;
    pdl_setting setting = {.batch = batch,
                           .threads = network->options.threads,
                           .streams = network->options.streams,
                           .algorithm = network->options.algorithm,
                           .decisions = network->options.decisions,
                           .simd = pdl_simd_choose(network->program.precision)};
    pdl_status status = pdl_split_create(engine, &network->program, &setting, &prepared, error);
    if (status != PDL_OK) return status;
    status = pdl_split_make_room(prepared, network->rooms, error);
    if (status != PDL_OK) {
        pdl_split_destroy(prepared);
        return status;
    }
    pdl_split_destroy(network->prepared[KEPT_BATCHES - 1]);
    memmove(&network->prepared[1], &network->prepared[0], (KEPT_BATCHES - 1) * sizeof prepared);
    network->prepared[0] = prepared;
    return PDL_OK;
}

/* ---- calls that run on the engine's thread ---- */

typedef struct request {
    pdl_network *network;
    size_t batch;
    pdl_batch data;
} request;

static pdl_status prepare_task(const pdl_engine *engine, void *context, pdl_error *error)
{
    request *asked = context;
    return prepare(engine, asked->network, asked->batch, error);
}

static pdl_status run_task(const pdl_engine *engine, void *context, pdl_error *error)
{
    request *asked = context;
    pdl_network *network = asked->network;
    pdl_status status = prepare(engine, network, asked->batch, error);
    if (status != PDL_OK) return status;
    return pdl_split_run(engine, &network->program, network->options.preprocess, network->prepared[0], network->rooms,
                         &asked->data, error);
}

static pdl_status call(request *asked, pdl_engine_task task, pdl_error *error)
{
    if (asked->batch == 0 || asked->batch > PDL_MAX_EXTENT)
        return pdl_fail(error, PDL_EINVAL, "a batch of %zu images, expected 1 to %zu", asked->batch, PDL_MAX_EXTENT);
    return pdl_engine_call(asked->network->options.threads, task, asked, error);
}

pdl_status pdl_network_prepare(pdl_network *network, size_t batch, pdl_error *error)
{
    return call(&(request){.network = network, .batch = batch}, prepare_task, error);
}

pdl_status pdl_network_run_u8(pdl_network *network, const uint8_t *images, size_t n, float *out, pdl_error *error)
{
    const pdl_shape *input = &network->program.input_shape;
    if (input->rank != 3 || input->extent[2] != 3)
        return pdl_fail(error, PDL_ESHAPE,
                        "images have rank 3 and 3 channels, the network's input has rank %zu and %zu", input->rank,
                        input->extent[input->rank - 1]);
    return call(&(request){.network = network, .batch = n, .data = {.images = images, .output = out}}, run_task, error);
}

pdl_status pdl_network_run_f32(pdl_network *network, const float *input, size_t n, float *out, pdl_error *error)
{
    return call(&(request){.network = network, .batch = n, .data = {.input = input, .output = out}}, run_task, error);
}

/* ---- steps ---- */

typedef struct step_query {
    const pdl_network *network;
    size_t batch, index, count, streams;
    pdl_step_info info;
} step_query;

/* Streams run the same step at about the same time: the slowest one's seconds count, and all their work. */
static pdl_step_info describe(const pdl_split *split, size_t index)
{
    const pdl_step *first = &split->part[0]->steps[index];
    pdl_step_info info = {.layer = first->layer, .kind = first->kind, .implementation = first->implementation};
    for (size_t i = 0; i < split->streams; i++) {
        const pdl_step *step = &split->part[i]->steps[index];
        info.flops += step->flops;
        if (step->seconds > info.seconds) info.seconds = step->seconds;
    }
    return info;
}

static pdl_status step_task(const pdl_engine *engine, void *context, pdl_error *error)
{
    (void)engine;
    step_query *query = context;
    const pdl_split *split = NULL;
    for (size_t i = 0; i < KEPT_BATCHES; i++)
        if (query->network->prepared[i] != NULL && query->network->prepared[i]->batch == query->batch)
            split = query->network->prepared[i];
    query->count = split == NULL ? 0 : split->part[0]->step_count;
    query->streams = split == NULL ? 0 : split->streams;
    if (query->index >= query->count)
        return pdl_fail(error, PDL_EINVAL, "no step %zu for batches of %zu images", query->index, query->batch);
    query->info = describe(split, query->index);
    return PDL_OK;
}

size_t pdl_network_step_count(const pdl_network *network, size_t batch)
{
    step_query query = {.network = network, .batch = batch};
    pdl_engine_call(network->options.threads, step_task, &query, NULL);
    return query.count;
}

size_t pdl_network_streams(const pdl_network *network, size_t batch)
{
    step_query query = {.network = network, .batch = batch};
    pdl_engine_call(network->options.threads, step_task, &query, NULL);
    return query.streams;
}

pdl_status pdl_network_step(const pdl_network *network, size_t batch, size_t index, pdl_step_info *info,
                            pdl_error *error)
{
    step_query query = {.network = network, .batch = batch, .index = index};
    pdl_status status = pdl_engine_call(network->options.threads, step_task, &query, error);
    if (status == PDL_OK) *info = query.info;
    return status;
}
