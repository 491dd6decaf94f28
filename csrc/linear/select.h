/* Some columns of a matrix, copied. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_LINEAR_SELECT_H
#define PDL_LINEAR_SELECT_H

#include "linear/matrix.h"

typedef struct pdl_selection {
    pdl_matrix matrix; /* rows as in the source, sparse if it is */
    pdl_part part;
    pdl_run run[2];
} pdl_selection;

/* column: [count > 0] increasing numbers of the source's columns. place: [the source's columns], where the column is
 * in the selection; read for the chosen columns, and PDL_NO_PLACE for the others.
 * The selection must stay where it is; close it also after a failure. */
#define PDL_NO_PLACE UINT32_MAX
pdl_status pdl_selection_open(pdl_selection *selection, const pdl_matrix *source, const uint32_t *column, size_t count,
                              const uint32_t *place, size_t threads, pdl_error *error);
void pdl_selection_close(pdl_selection *selection);

#endif
