/* One run of rows of a feature matrix, and its way from one form to the next (features.h).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_LINEAR_PART_H
#define PDL_LINEAR_PART_H

#include "linear/features.h"

/* Frees what the part owns; it is then empty. */
void pdl_part_free(pdl_part *part);

/* Makes room in an arrived (or empty) part for so many more non-zeros and rows; false when memory is out, or the
 * non-zeros would pass what 32 bits count. */
bool pdl_part_reserve(pdl_part *part, size_t nonzeros, size_t rows);

/* Gives back an arrived part's room to spare, where that is much. */
void pdl_part_trim(pdl_part *part);

/* Arrived to tiled; to dense. What lies so already stays. False when memory is out: the part is then as it was. */
bool pdl_part_tile(pdl_part *part, size_t width, size_t tiles);
bool pdl_part_expand(pdl_part *part, size_t columns);

#endif
