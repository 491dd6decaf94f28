/* The elements of a row that are not zero. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_LINEAR_NONZEROS_H
#define PDL_LINEAR_NONZEROS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PDL_NONZEROS_SLACK 16 /* elements that a pack may write beyond the last non-zero */

/* The number of elements of x [count] other than 0; *finite becomes false when one is NaN or infinite. */
size_t pdl_nonzeros_count(const float *x, size_t count, bool *finite);

/* The same, and copies them with their places to value and column, which have room for count + PDL_NONZEROS_SLACK. */
size_t pdl_nonzeros_pack(const float *x, size_t count, float *value, uint32_t *column, bool *finite);

#endif
