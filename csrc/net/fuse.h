/* What the passes share. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_NET_FUSE_H
#define PDL_NET_FUSE_H

#include "net/program.h"

/* Sets every value's uses and producer anew. */
void pdl_count_uses(pdl_program *program);

/* stride.c */
pdl_status pdl_pull_strides(pdl_program *program, pdl_error *error);

#endif
