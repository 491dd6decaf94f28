/* Winograd in vectors of four floats, which every 64-bit processor has. SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#define NAME pdl_winograd_portable
#define TEXT "portable"
#define LANES 4
#define TILES 6

typedef float vec __attribute__((vector_size(16), may_alias, aligned(4)));
typedef int32_t mask __attribute__((vector_size(16)));

static inline vec vec_zero(void)
{
    return (vec){0};
}

static inline vec vec_load(const float *p)
{
    return *(const vec *)p;
}

static inline void vec_store(float *p, vec a)
{
    *(vec *)p = a;
}

static inline vec vec_broadcast(float a)
{
    return (vec){a, a, a, a};
}

static inline vec vec_add(vec a, vec b)
{
    return a + b;
}

static inline vec vec_sub(vec a, vec b)
{
    return a - b;
}

static inline vec vec_fma(vec a, vec b, vec c)
{
    return a * b + c;
}

static inline vec vec_relu(vec a)
{
    return (vec)((mask)a & ~(mask)(a < vec_zero()));
}

static inline vec vec_max(vec a, vec b)
{
    mask above = a > b;
    return (vec)(((mask)a & above) | ((mask)b & ~above));
}

#define vec_stream(p, a) vec_store(p, a)
#define vec_fence() ((void)0)

#include "net/winograd/body.h"
