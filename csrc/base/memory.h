/* Aligned memory. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_BASE_MEMORY_H
#define PDL_BASE_MEMORY_H

#include "base/sizes.h"

#define PDL_ALIGNMENT 64 /* bytes: a cache line and an AVX-512 register */

/* Uninitialised memory for count elements of `size` bytes, aligned to PDL_ALIGNMENT; NULL when the product
 * overflows or memory is out. Count 0 gives a valid pointer. Free with pdl_free. */
void *pdl_alloc(size_t count, size_t size);

/* The same, zeroed. */
void *pdl_alloc_zero(size_t count, size_t size);

/* Uninitialised memory for a * b * c doubles. */
double *pdl_alloc_doubles(size_t a, size_t b, size_t c);

void pdl_free(void *memory);

#endif
