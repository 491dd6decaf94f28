/* Kernels in vectors of two doubles, which every 64-bit processor has. SPDX-License-Identifier: Apache-2.0 */
#define NAME pdl_kernels_portable
#define NAME_TEXT "portable"
#define LANES 2

typedef double vec __attribute__((vector_size(16), may_alias, aligned(8)));

static inline vec vec_zero(void)
{
    return (vec){0, 0};
}

static inline vec vec_load(const double *p)
{
    return *(const vec *)p;
}

static inline vec vec_load_f32(const float *p)
{
    return (vec){p[0], p[1]};
}

static inline void vec_store(double *p, vec a)
{
    *(vec *)p = a;
}

static inline vec vec_broadcast(double a)
{
    return (vec){a, a};
}

static inline vec vec_fma(vec a, vec b, vec c)
{
    return a * b + c;
}

static inline double vec_sum(vec a)
{
    return a[0] + a[1];
}

#include "linear/kernels_body.h"
