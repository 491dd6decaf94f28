/* SPDX-License-Identifier: Apache-2.0 */
#include "net/split.h"

#include "base/memory.h"
#include "base/status.h"
#include "net/split_trial.h"

#include <stdlib.h>

size_t pdl_split_fit(size_t batch, size_t threads, size_t wanted)
{
    size_t streams = wanted < PDL_MAX_STREAMS ? wanted : PDL_MAX_STREAMS;
    while (streams > 1 && (batch % streams != 0 || threads % streams != 0))
        streams--;
    return streams;
}

/* ---- preparation ---- */

pdl_status pdl_split_create_as(const pdl_engine *engine, pdl_program *program, const pdl_setting *setting,
                               const pdl_choice *choices, size_t streams, pdl_split **out, pdl_error *error)
{
    size_t bytes = sizeof(pdl_split) + streams * sizeof(pdl_prepared *);
    pdl_setting part = *setting;
    part.batch = setting->batch / streams;
    part.threads = setting->threads / streams;
    pdl_split *split = calloc(1, bytes);
    if (split == NULL) return pdl_fail_memory(error, bytes, "a prepared batch");
    *split = (pdl_split){.batch = setting->batch, .threads = setting->threads, .streams = streams};
    pdl_status status = PDL_OK;
    for (size_t i = 0; i < streams && status == PDL_OK; i++)
        status = pdl_prepared_create_as(engine, program, &part, choices, &split->part[i], error);
    if (status == PDL_OK)
        *out = split;
    else
        pdl_split_destroy(split);
    return status;
}

pdl_status pdl_split_create(const pdl_engine *engine, pdl_program *program, const pdl_setting *setting, pdl_split **out,
                            pdl_error *error)
{
    pdl_choice *choices;
    pdl_status status = pdl_choices_make(engine, program, setting, &choices, error);
    if (status != PDL_OK) return status;
    size_t streams = setting->streams == 0 ? pdl_split_trial(engine, program, setting, choices)
                                           : pdl_split_fit(setting->batch, setting->threads, setting->streams);
    status = pdl_split_create_as(engine, program, setting, choices, streams, out, error);
    free(choices);
    return status;
}

void pdl_split_destroy(pdl_split *split)
{
    if (split == NULL) return;
    for (size_t i = 0; i < split->streams; i++)
        pdl_prepared_destroy(split->part[i]);
    free(split);
}

/* ---- working memory ---- */

static pdl_status grow(void **memory, size_t *bytes, size_t wanted, const char *what, pdl_error *error)
{
    if (wanted <= *bytes) return PDL_OK;
    void *larger = pdl_alloc(wanted, 1);
    if (larger == NULL) return pdl_fail_memory(error, wanted, what);
    pdl_free(*memory);
    *memory = larger;
    *bytes = wanted;
    return PDL_OK;
}

pdl_status pdl_split_make_room(const pdl_split *split, pdl_room rooms[PDL_MAX_STREAMS], pdl_error *error)
{
    pdl_status status = PDL_OK;
    for (size_t i = 0; i < split->streams && status == PDL_OK; i++) {
        const pdl_prepared *part = split->part[i];
        status = grow(&rooms[i].arena, &rooms[i].arena_bytes, part->plan.arena, "activations", error);
        if (status == PDL_OK)
            status = grow(&rooms[i].scratch, &rooms[i].scratch_bytes, part->scratch, "working memory", error);
    }
    return status;
}

void pdl_rooms_clear(pdl_room rooms[PDL_MAX_STREAMS])
{
    for (size_t i = 0; i < PDL_MAX_STREAMS; i++) {
        pdl_free(rooms[i].arena);
        pdl_free(rooms[i].scratch);
    }
}

/* ---- running ---- */

typedef struct run {
    const pdl_program *program;
    pdl_preprocess preprocess;
    const pdl_split *split;
    const pdl_room *rooms;
    const pdl_batch *batch;
} run;

/* Brings the part's input into the arena where it is not used as it comes, and finds room for an output to be
 * converted. */
static void enter(const run *r, size_t stream, pdl_bases *bases)
{
    const pdl_program *program = r->program;
    const pdl_prepared *part = r->split->part[stream];
    const pdl_value *in = &program->values[program->input];
    size_t images = part->setting.batch, first = stream * images;
    char *arena = r->rooms[stream].arena;
    void *input = arena + part->plan.input;
    bool bf16 = program->precision == PDL_PRECISION_BFLOAT16;
    *bases = (pdl_bases){.arena = arena, .scratch = r->rooms[stream].scratch};
    bases->output = r->batch->output + first * pdl_value_size(&program->values[program->output]);
    if (r->batch->images != NULL)
        pdl_preprocess_pixels(r->preprocess, r->batch->images + first * pdl_value_size(in),
                              images * in->height * in->width, program->precision, input);
    else if (bf16)
        pdl_bf16_round_all(r->batch->input + first * pdl_value_size(in), images * pdl_value_size(in), input);
    else
        bases->input = r->batch->input + first * pdl_value_size(in);
    if (bases->input == NULL) bases->input = input;
    if (bf16) bases->output = arena + part->plan.output;
}

static pdl_status run_part(const pdl_engine *engine, void *context, size_t stream, pdl_error *error)
{
    const run *r = context;
    const pdl_program *program = r->program;
    pdl_prepared *part = r->split->part[stream];
    size_t size = part->setting.batch * pdl_value_size(&program->values[program->output]);
    pdl_bases bases;
    enter(r, stream, &bases);
    pdl_status status = pdl_prepared_run(engine, part, &bases, error);
    if (status == PDL_OK && program->precision == PDL_PRECISION_BFLOAT16)
        pdl_bf16_widen_all(bases.output, size, r->batch->output + stream * size);
    return status;
}

pdl_status pdl_split_run(const pdl_engine *engine, const pdl_program *program, pdl_preprocess preprocess,
                         const pdl_split *split, const pdl_room *rooms, const pdl_batch *batch, pdl_error *error)
{
    run r = {.program = program, .preprocess = preprocess, .split = split, .rooms = rooms, .batch = batch};
    return pdl_streams_run(engine, split->streams, split->threads / split->streams, run_part, &r, error);
}
