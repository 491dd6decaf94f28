/* Arithmetic on sizes. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_BASE_SIZES_H
#define PDL_BASE_SIZES_H

#include <stdbool.h>
#include <stddef.h>

/* *product = a * b; false when it does not fit in size_t. */
static inline bool pdl_size_mul(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

static inline size_t pdl_size_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t pdl_size_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* a / b, rounded up. */
static inline size_t pdl_size_div_up(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

#endif
