/* Which algorithm every operation of a prepared batch runs with. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_NET_CHOICE_H
#define PDL_NET_CHOICE_H

#include "net/winograd/winograd.h"

typedef struct pdl_choice {
    pdl_tile_kind tile; /* convolution: Winograd with this tile, or our 1x1; PDL_TILE_KINDS: oneDNN */
    int pool;           /* the pooling operation that is done on the way, or -1 */
    bool done;          /* another operation does this one on the way */
} pdl_choice;

/* One for every operation; free() them. */
pdl_status pdl_choices_make(const pdl_program *program, size_t batch, pdl_algorithm algorithm, size_t threads,
                            pdl_choice **out, pdl_error *error);

/* The shape of a value for the whole batch, as one dense map without data. */
pdl_map pdl_shape_of(const pdl_program *program, int value, size_t batch);

#endif
