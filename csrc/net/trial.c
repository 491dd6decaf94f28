/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "net/trial.h"

#include "base/memory.h"
#include "net/decisions.h"
#include "net/packed.h"
#include "net/prepared.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS 0.1 /* for all layers of a preparation */
#define ROUNDS 4    /* of which the first only warms up; the fastest of a candidate counts */
#define CLOSE 1.25  /* estimates that the best one is not sure to beat */

/* A candidate, prepared as a network of the one layer. */
typedef struct runner {
    pdl_tile_kind tile;
    pdl_prepared *prepared;
    double seconds;
} runner;

typedef struct trial {
    const pdl_engine *engine;
    const pdl_program *program;
    const pdl_setting *setting;
    pdl_op *op;
    runner runners[PDL_MAX_CANDIDATES];
    size_t count;
    char *input, *output;
    void *scratch;
} trial;

static const char *answer_of(pdl_tile_kind tile)
{
    return tile == PDL_TILE_KINDS ? "onednn" : pdl_tiles[tile].name;
}

/* All that a layer's speed depends on, and the candidates. */
static void write_question(const pdl_program *program, const pdl_op *op, const pdl_setting *setting,
                           const pdl_candidate *list, size_t count, char question[PDL_MAX_QUESTION])
{
    unsigned tiles = 0;
    for (size_t i = 0; i < count; i++)
        tiles |= 1u << list[i].tile;
    const pdl_value *in = &program->values[op->input[0]], *out = &program->values[op->output];
    const pdl_window *w = &op->window;
    snprintf(question, PDL_MAX_QUESTION, "%zux%zu-s%zux%zu-d%zux%zu-p%zu.%zu.%zu.%zu-%zux%zux%zux%zu-%zu-t%zu-%s%s-%x",
             w->kernel[0], w->kernel[1], w->stride[0], w->stride[1], w->dilation[0], w->dilation[1], w->before[0],
             w->before[1], w->after[0], w->after[1], setting->batch, in->height, in->width, in->channels, out->channels,
             setting->threads, program->precision == PDL_PRECISION_FLOAT32 ? "f32" : "bf16", op->residual ? "+" : "",
             tiles);
}

/* ---- one layer ---- */

static bool add_runner(trial *t, pdl_tile_kind tile)
{
    pdl_program layer = *t->program;
    pdl_choice choice = {.tile = tile, .pool = -1, .before = -1};
    layer.ops = t->op;
    layer.op_count = 1;
    layer.input = t->op->input[0];
    layer.output = t->op->output;
    runner *added = &t->runners[t->count];
    *added = (runner){.tile = tile, .seconds = INFINITY};
    if (pdl_prepared_create_as(t->engine, &layer, t->setting, &choice, &added->prepared, NULL) != PDL_OK) return false;
    t->count++;
    return true;
}

static size_t bytes_of(const trial *t, int value)
{
    return t->setting->batch * pdl_value_size(&t->program->values[value]) * pdl_element_size(t->program->precision);
}

/* Room for the layer's maps, full of small numbers: memory that was never written to would all be one page. */
static bool make_room(trial *t)
{
    size_t scratch = 0, in = bytes_of(t, t->op->input[0]), out = bytes_of(t, t->op->output);
    for (size_t i = 0; i < t->count; i++)
        if (t->runners[i].prepared->scratch > scratch) scratch = t->runners[i].prepared->scratch;
    t->input = pdl_alloc(in, 1);
    t->output = pdl_alloc(out, 1);
    t->scratch = pdl_alloc(scratch, 1);
    if (t->input == NULL || t->output == NULL || t->scratch == NULL) return false;
    memset(t->input, 0x3c, in); /* 0.01 in float32 and in bfloat16 */
    memset(t->output, 0x3c, out);
    return true;
}

static bool run_all(trial *t)
{
    pdl_bases bases = {.input = (void *)t->input, .output = (void *)t->output, .scratch = t->scratch};
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < t->count; i++) {
            double begin = omp_get_wtime();
            if (pdl_prepared_run(t->engine, t->runners[i].prepared, &bases, NULL) != PDL_OK) return false;
            double seconds = omp_get_wtime() - begin;
            if (round > 0 && seconds < t->runners[i].seconds) t->runners[i].seconds = seconds;
        }
    return true;
}

/* Drops what the losers needed. keep: the layer's weights as they were given were to be kept before the trial. */
static void tidy(trial *t, pdl_tile_kind winner, bool keep)
{
    pdl_op *op = t->op;
    for (size_t i = 0; i < t->count; i++)
        pdl_prepared_destroy(t->runners[i].prepared);
    op->keep_weight = keep;
    if (op->packed == NULL || op->weight == NULL) return;
    if (winner != PDL_TILE_KINDS && op->packed->users == 0) { /* the only layout: there is one without users at most */
        pdl_packed_destroy(op->packed);
        op->packed = NULL;
    } else if (winner == PDL_TILE_KINDS && !keep) {
        pdl_free(op->weight);
        op->weight = NULL;
    }
}

/* The first of the list unless another is clearly faster; the first as well where that cannot be found out. */
static pdl_tile_kind race(trial *t, const pdl_candidate *list, size_t count)
{
    bool keep = t->op->keep_weight, ran = true;
    t->op->keep_weight = true;
    for (size_t i = 0; ran && i < count; i++)
        ran = list[i].cost > CLOSE * list[0].cost || add_runner(t, list[i].tile);
    ran = ran && t->count > 1 && make_room(t) && run_all(t);
    size_t best = 0;
    for (size_t i = 1; ran && i < t->count; i++)
        if (t->runners[i].seconds < (best == 0 ? PDL_CLEARLY : 1) * t->runners[best].seconds) best = i;
    tidy(t, list[best].tile, keep);
    pdl_free(t->scratch);
    pdl_free(t->output);
    pdl_free(t->input);
    return list[best].tile;
}

/* ---- all layers ---- */

typedef struct doubt {
    size_t index; /* of the operation */
    double cost;  /* of the best candidate */
} doubt;

static int by_cost(const void *a, const void *b)
{
    double first = ((const doubt *)a)->cost, second = ((const doubt *)b)->cost;
    return first < second ? 1 : first > second ? -1 : 0;
}

static int by_estimate(const void *a, const void *b)
{
    double first = ((const pdl_candidate *)a)->cost, second = ((const pdl_candidate *)b)->cost;
    return first < second ? -1 : first > second ? 1 : 0;
}

/* The close candidates of a layer, the estimate's choice first; 1 or 0 where there is nothing to try. */
static size_t contestants(const pdl_program *program, size_t index, const pdl_setting *setting,
                          pdl_candidate list[PDL_MAX_CANDIDATES])
{
    const pdl_op *op = &program->ops[index];
    /* By itself, a layer cannot show what copying its part of a concat costs, or what it does of the layer before, or
     * read what it writes to. */
    if (op->kind != PDL_OP_CONV || pdl_is_expansion(program, index, setting) || pdl_makes_slice(program, op) ||
        pdl_find_before(program, index, setting) >= 0 || (op->residual && op->input[0] == op->input[1]))
        return 0;
    size_t all = pdl_candidates_list(program, index, setting, list), close = 1;
    qsort(list, all, sizeof *list, by_estimate);
    while (close < all && list[close].cost <= CLOSE * list[0].cost)
        close++;
    return close;
}

/* What was decided; the estimate's choice where the answer is damaged. */
static pdl_tile_kind answered(const pdl_candidate *list, size_t count, const char *answer)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(answer_of(list[i].tile), answer) == 0) return list[i].tile;
    return list[0].tile;
}

static void decide(const pdl_engine *engine, pdl_program *program, size_t index, const pdl_setting *setting,
                   pdl_decisions *decisions, bool time_left, pdl_choice *choice)
{
    pdl_candidate list[PDL_MAX_CANDIDATES];
    char question[PDL_MAX_QUESTION], answer[PDL_MAX_QUESTION];
    size_t count = contestants(program, index, setting, list);
    write_question(program, &program->ops[index], setting, list, count, question);
    if (pdl_decisions_find(decisions, question, answer, sizeof answer)) {
        choice->tile = answered(list, count, answer);
        return;
    }
    trial t = {.engine = engine, .program = program, .setting = setting, .op = &program->ops[index]};
    if (time_left) choice->tile = race(&t, list, count);
    pdl_decisions_add(decisions, question, answer_of(choice->tile));
}

void pdl_trial_run(const pdl_engine *engine, pdl_program *program, const pdl_setting *setting, pdl_choice *choices)
{
    /* Emulation is to compute what processors with the instructions do; its times mean nothing. */
    if (program->precision == PDL_PRECISION_BFLOAT16 && !pdl_has_bf16()) return;
    pdl_decisions decisions;
    pdl_candidate list[PDL_MAX_CANDIDATES];
    size_t count = 0;
    doubt *doubts = calloc(program->op_count + 1, sizeof *doubts);
    if (doubts == NULL) return;
    for (size_t i = 0; i < program->op_count; i++)
        if (contestants(program, i, setting, list) > 1) doubts[count++] = (doubt){.index = i, .cost = list[0].cost};
    if (count > 0 && pdl_decisions_open(&decisions, setting->decisions, setting->simd)) {
        qsort(doubts, count, sizeof *doubts, by_cost); /* the costliest have most to win */
        double end = omp_get_wtime() + SECONDS;
        for (size_t i = 0; i < count; i++)
            decide(engine, program, doubts[i].index, setting, &decisions, omp_get_wtime() < end,
                   &choices[doubts[i].index]);
        pdl_decisions_close(&decisions);
    }
    free(doubts);
}
