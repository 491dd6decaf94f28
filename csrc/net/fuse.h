/* What the passes share. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_NET_FUSE_H
#define PDL_NET_FUSE_H

#include "net/program.h"

/* Sets every value's uses and producer anew. */
void pdl_count_uses(pdl_program *program);

/* take.c: copies the weights that operations borrow, times their scales, on up to `threads` threads. */
pdl_status pdl_take_weights(pdl_program *program, size_t threads, pdl_error *error);

/* stride.c */
pdl_status pdl_pull_strides(pdl_program *program, pdl_error *error);

#endif
