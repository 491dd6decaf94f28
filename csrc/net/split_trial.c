/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "net/split_trial.h"

#include "base/memory.h"
#include "net/decisions.h"
#include "net/split.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEWEST_THREADS 8 /* with fewer, one network loses next to nothing: docs/performance.md, "Many cores" */
#define SECONDS 0.3      /* for all rounds after the first */
#define ROUNDS 4
#define MAX_RUNNERS 8

/* So many streams, prepared. */
typedef struct runner {
    pdl_split *split;
    bool same; /* as one stream, to the bit */
    double seconds;
} runner;

typedef struct trial {
    const pdl_engine *engine;
    const pdl_program *program;
    runner runners[MAX_RUNNERS]; /* one stream first, then more and more */
    size_t count;
    pdl_room rooms[PDL_MAX_STREAMS];
    float *input, *expected, *output;
    size_t inputs, outputs; /* elements */
} trial;

/* ---- runs ---- */

/* Numbers of both signs, below 1: pixels as most networks take them. */
static void fill(float *input, size_t count)
{
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u; /* Knuth's linear congruences */
        input[i] = (float)((int)(state >> 16) - 32768) / 32768.0f;
    }
}

static bool make_room(trial *t, size_t batch)
{
    t->inputs = batch * pdl_value_size(&t->program->values[t->program->input]);
    t->outputs = batch * pdl_value_size(&t->program->values[t->program->output]);
    t->input = pdl_alloc(t->inputs, sizeof *t->input);
    t->expected = pdl_alloc(t->outputs, sizeof *t->expected);
    t->output = pdl_alloc(t->outputs, sizeof *t->output);
    if (t->input == NULL || t->expected == NULL || t->output == NULL) return false;
    fill(t->input, t->inputs);
    for (size_t i = 0; i < t->count; i++)
        if (pdl_split_make_room(t->runners[i].split, t->rooms, NULL) != PDL_OK) return false;
    return true;
}

static bool run_once(trial *t, const runner *r, float *output)
{
    pdl_batch batch = {.input = t->input, .output = output};
    return pdl_split_run(t->engine, t->program, PDL_PREPROCESS_NONE, r->split, t->rooms, &batch, NULL) == PDL_OK;
}

static bool compare_all(trial *t)
{
    if (!run_once(t, &t->runners[0], t->expected)) return false;
    for (size_t i = 0; i < t->count; i++) {
        if (!run_once(t, &t->runners[i], t->output)) return false;
        t->runners[i].same = memcmp(t->output, t->expected, t->outputs * sizeof *t->output) == 0;
    }
    return true;
}

/* The fastest of some rounds counts; each run has one before it, which starts its threads. */
static bool time_all(trial *t)
{
    double end = omp_get_wtime() + SECONDS;
    for (int round = 0; round < ROUNDS && (round == 0 || omp_get_wtime() < end); round++)
        for (size_t i = 0; i < t->count; i++) {
            runner *r = &t->runners[i];
            if (!r->same) continue;
            if (!run_once(t, r, t->output)) return false;
            double begin = omp_get_wtime();
            if (!run_once(t, r, t->output)) return false;
            double seconds = omp_get_wtime() - begin;
            if (seconds < r->seconds) r->seconds = seconds;
        }
    return true;
}

/* ---- the decision ---- */

static bool prepare_all(trial *t, pdl_program *program, const pdl_setting *setting, const pdl_choice *choices)
{
    for (size_t streams = 1; streams <= setting->batch && streams <= PDL_MAX_STREAMS && t->count < MAX_RUNNERS;
         streams++) {
        runner *added = &t->runners[t->count];
        if (pdl_split_fit(setting->batch, setting->threads, streams) != streams) continue;
        if (pdl_split_create_as(t->engine, program, setting, choices, streams, &added->split, NULL) != PDL_OK)
            return false;
        added->seconds = INFINITY;
        t->count++;
    }
    return t->count > 1;
}

/* More streams only where they are clearly faster than fewer; one where that cannot be found out. */
static size_t race(const pdl_engine *engine, pdl_program *program, const pdl_setting *setting,
                   const pdl_choice *choices)
{
    trial t = {.engine = engine, .program = program};
    size_t best = 0, streams = 1;
    bool ran =
        prepare_all(&t, program, setting, choices) && make_room(&t, setting->batch) && compare_all(&t) && time_all(&t);
    for (size_t i = 1; ran && i < t.count; i++)
        if (t.runners[i].seconds < PDL_CLEARLY * t.runners[best].seconds) best = i;
    if (t.count > 0) streams = t.runners[best].split->streams;
    for (size_t i = 0; i < t.count; i++)
        pdl_split_destroy(t.runners[i].split);
    pdl_rooms_clear(t.rooms);
    pdl_free(t.output);
    pdl_free(t.expected);
    pdl_free(t.input);
    return streams;
}

/* Tells networks apart by their operations, shapes and algorithms; weights do not change the speed. */
static uint64_t hash_program(const pdl_program *program, const pdl_choice *choices)
{
    uint64_t hash = PDL_HASH_SEED;
    for (size_t i = 0; i < program->op_count; i++) {
        const pdl_op *op = &program->ops[i];
        const pdl_value *out = &program->values[op->output];
        const pdl_window *w = &op->window;
        size_t facts[] = {(size_t)op->kind, (size_t)choices[i].tile, (size_t)op->output, op->inputs,   op->residual,
                          op->groups,       op->multiplier,          w->kernel[0],       w->kernel[1], w->stride[0],
                          w->stride[1],     w->dilation[0],          w->dilation[1],     out->height,  out->width,
                          out->channels};
        hash = pdl_hash(facts, sizeof facts, hash);
        hash = pdl_hash(op->input, op->inputs * sizeof *op->input, hash);
    }
    return hash;
}

static void write_question(const pdl_program *program, const pdl_setting *setting, const pdl_choice *choices,
                           char question[PDL_MAX_QUESTION])
{
    const pdl_value *in = &program->values[program->input];
    snprintf(question, PDL_MAX_QUESTION, "streams-%zux%zux%zux%zu-%016llx-t%zu-%s", setting->batch, in->height,
             in->width, in->channels, (unsigned long long)hash_program(program, choices), setting->threads,
             program->precision == PDL_PRECISION_FLOAT32 ? "f32" : "bf16");
}

/* Whether more than one stream is possible, and times mean something. */
static bool is_worth_it(const pdl_program *program, const pdl_setting *setting)
{
    if (setting->decisions == NULL || setting->threads < FEWEST_THREADS) return false;
    if (program->precision == PDL_PRECISION_BFLOAT16 && !pdl_has_bf16()) return false; /* emulated */
    return pdl_split_fit(setting->batch, setting->threads, setting->batch) > 1;
}

size_t pdl_split_trial(const pdl_engine *engine, pdl_program *program, const pdl_setting *setting,
                       const pdl_choice *choices)
{
    pdl_decisions decisions;
    char question[PDL_MAX_QUESTION], answer[PDL_MAX_QUESTION];
    if (!is_worth_it(program, setting) || !pdl_decisions_open(&decisions, setting->decisions, setting->simd)) return 1;
    write_question(program, setting, choices, question);
    size_t streams = 1;
    if (pdl_decisions_find(&decisions, question, answer, sizeof answer)) {
        long found = strtol(answer, NULL, 10);
        if (found > 0) streams = pdl_split_fit(setting->batch, setting->threads, (size_t)found);
    } else {
        streams = race(engine, program, setting, choices);
        snprintf(answer, sizeof answer, "%zu", streams);
        pdl_decisions_add(&decisions, question, answer);
    }
    pdl_decisions_close(&decisions);
    return streams;
}
