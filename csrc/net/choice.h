/* Which algorithm every operation of a prepared batch runs with. SPDX-License-Identifier: Apache-2.0
 *
 *     operation ──► its candidates, each with an estimated cost ──► the cheapest ──► trial of those that are close */
#ifndef PDL_NET_CHOICE_H
#define PDL_NET_CHOICE_H

#include "net/engine.h"
#include "net/winograd/winograd.h"

/* What a program is prepared for. */
typedef struct pdl_setting {
    size_t batch, threads;
    size_t streams; /* of the whole batch, at most; 0: trials decide (split.h) */
    pdl_algorithm algorithm;
    pdl_simd simd;         /* of our own kernels: of the choice, of the weights and of every run */
    const char *decisions; /* file of what trials decided, or NULL: no trials; trial.h */
} pdl_setting;

/* A way to compute a convolution. */
typedef struct pdl_candidate {
    pdl_tile_kind tile; /* Winograd with this tile, or our 1x1; PDL_TILE_KINDS: oneDNN */
    double cost;        /* estimated: cost.h */
} pdl_candidate;

#define PDL_MAX_CANDIDATES 8

typedef struct pdl_choice {
    pdl_tile_kind tile; /* convolution: as a candidate's */
    int pool;           /* the pooling operation that is done on the way, or -1 */
    int before;         /* a 1x1's, a depthwise's: the operation before it that is done on the way, or -1 */
    bool done;          /* another operation does this one on the way */
} pdl_choice;

/* The value that operation `index` reads as its input number `input`, with what it does on the way. */
int pdl_choice_input(const pdl_program *program, const pdl_choice *choices, size_t index, size_t input);

/* Everything that can compute convolution `index` in this setting, oneDNN first; returns how many. */
size_t pdl_candidates_list(const pdl_program *program, size_t index, const pdl_setting *setting,
                           pdl_candidate list[PDL_MAX_CANDIDATES]);

/* Whether the convolution's output could be written straight into a concat, where oneDNN's cannot write. */
bool pdl_makes_slice(const pdl_program *program, const pdl_op *conv);

/* The value of factors, one a channel and image, that the product done on the way of operation `index` reads, or -1. */
int pdl_choice_factors(const pdl_program *program, const pdl_choice *choices, size_t index);

/* The operation whose output 1x1 convolution `index` alone reads, and which ours may do on the way, or -1. It then
 * reads what that one reads, later than that would. */
int pdl_find_before(const pdl_program *program, size_t index, const pdl_setting *setting);

/* The 1x1 convolution whose output depthwise operation `index` alone reads, and which pays to be done on the way, or
 * -1. */
int pdl_find_expansion(const pdl_program *program, size_t index, const pdl_setting *setting);

/* Whether the convolution is done on the way of a depthwise operation. */
bool pdl_is_expansion(const pdl_program *program, size_t index, const pdl_setting *setting);

/* One for every operation; free() them. */
pdl_status pdl_choices_make(const pdl_engine *engine, pdl_program *program, const pdl_setting *setting,
                            pdl_choice **out, pdl_error *error);

/* The shape of a value for the whole batch, as one dense map without data. */
pdl_map pdl_shape_of(const pdl_program *program, int value, size_t batch);

#endif
