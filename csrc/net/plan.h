/* Where every value of a program lies. SPDX-License-Identifier: Apache-2.0
 *
 * Values live in one arena, from the operation that makes them to the last that reads them; memory of dead values
 * is used again. Some share memory on purpose:
 *     residual, affine, add    write over the summand or input that dies there, as do other elementwise operations
 *     flatten                  is another name
 *     concat                   an input made by a kernel of ours is written straight into its channel slice, as is a
 *                              concat that is continued where only such kernels read it:
 *
 *         concat  [ a a a a b b c c c c | a a a a b b c c c c | ... ]     one pixel after the other
 *         b                 ▲ offset 4    ▲ pitch 10                      2 channels
 *
 * The network's output is in the caller's array; so is its input, unless it is preprocessed into the arena. With
 * bfloat16 both are in the arena, and converted. */
#ifndef PDL_NET_PLAN_H
#define PDL_NET_PLAN_H

#include "net/choice.h"

typedef enum pdl_place { PDL_PLACE_ARENA, PDL_PLACE_INPUT, PDL_PLACE_OUTPUT } pdl_place;

typedef struct pdl_tensor {
    pdl_place place;
    size_t offset; /* bytes from the beginning of its place, for the whole batch */
    size_t pitch;  /* elements from one pixel to the next: channels, or more in a slice */
} pdl_tensor;

typedef struct pdl_plan {
    pdl_tensor *tensors; /* by value */
    size_t arena;        /* bytes */
    size_t input;        /* bytes from the beginning of the arena: where preprocessing writes the input */
    size_t output;       /* the same, where the output is before it is converted */
} pdl_plan;

/* choices: of the operations. PDL_ELIMIT when the batch does not fit in the address space. */
pdl_status pdl_plan_make(const pdl_program *program, size_t batch, const pdl_choice *choices, pdl_plan *plan,
                         pdl_error *error);
void pdl_plan_clear(pdl_plan *plan);

/* Whether the operation only gives its input another name in this plan. */
bool pdl_plan_renames(const pdl_program *program, const pdl_op *op);

#endif
