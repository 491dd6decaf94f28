/* Vectors of four floats, which every 64-bit processor has. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_NET_SIMD_PORTABLE_H
#define PDL_NET_SIMD_PORTABLE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define LANES 4
#define ROWS 6

typedef float vec __attribute__((vector_size(16), may_alias, aligned(4)));
typedef int32_t mask __attribute__((vector_size(16)));

static inline __attribute__((unused)) vec vec_zero(void)
{
    return (vec){0};
}

static inline __attribute__((unused)) vec vec_load(const float *p)
{
    return *(const vec *)p;
}

static inline __attribute__((unused)) void vec_store(float *p, vec a)
{
    *(vec *)p = a;
}

static inline __attribute__((unused)) vec vec_broadcast(float a)
{
    return (vec){a, a, a, a};
}

static inline __attribute__((unused)) vec vec_add(vec a, vec b)
{
    return a + b;
}

static inline __attribute__((unused)) vec vec_sub(vec a, vec b)
{
    return a - b;
}

static inline __attribute__((unused)) vec vec_mul(vec a, vec b)
{
    return a * b;
}

static inline __attribute__((unused)) vec vec_fma(vec a, vec b, vec c)
{
    return a * b + c;
}

static inline __attribute__((unused)) vec vec_relu(vec a)
{
    return (vec)((mask)a & ~(mask)(a < vec_zero()));
}

static inline __attribute__((unused)) vec vec_max(vec a, vec b)
{
    mask above = a > b;
    return (vec)(((mask)a & above) | ((mask)b & ~above));
}

static inline __attribute__((unused)) vec vec_min(vec a, vec b)
{
    mask below = a < b;
    return (vec)(((mask)a & below) | ((mask)b & ~below));
}

static inline __attribute__((unused)) vec vec_sqrt(vec a)
{
    return (vec){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])};
}

static inline __attribute__((unused)) vec vec_load_part(const float *p, size_t count)
{
    vec a = {0};
    for (size_t i = 0; i < count; i++)
        a[i] = p[i];
    return a;
}

static inline __attribute__((unused)) void vec_store_part(float *p, size_t count, vec a)
{
    for (size_t i = 0; i < count; i++)
        p[i] = a[i];
}

#define vec_stream(p, a) vec_store(p, a)
#define vec_fence() ((void)0)
#define vec_reciprocal(a) (1.0f / (a))

#endif
