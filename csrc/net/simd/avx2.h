/* Vectors of eight floats, for x86 processors with AVX2 and FMA. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_NET_SIMD_AVX2_H
#define PDL_NET_SIMD_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#pragma GCC target("avx2,fma")

#define LANES 8
#define ROWS 6

typedef __m256 vec;
#define vec_zero() _mm256_setzero_ps()
#define vec_load(p) _mm256_loadu_ps(p)
#define vec_store(p, a) _mm256_storeu_ps(p, a)
/* Through the caches all the same: a vector is half a line of them, and lines written past them in halves, at two
 * times, take several times as long. */
#define vec_stream(p, a) vec_store(p, a)
#define vec_broadcast(a) _mm256_set1_ps(a)
#define vec_add(a, b) _mm256_add_ps(a, b)
#define vec_sub(a, b) _mm256_sub_ps(a, b)
#define vec_mul(a, b) _mm256_mul_ps(a, b)
#define vec_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define vec_relu(a) _mm256_max_ps(_mm256_setzero_ps(), a)
#define vec_max(a, b) _mm256_max_ps(a, b)
#define vec_min(a, b) _mm256_min_ps(a, b)
#define vec_sqrt(a) _mm256_sqrt_ps(a)
#define vec_reciprocal(a) _mm256_div_ps(_mm256_set1_ps(1.0f), a)
#define vec_fence() ((void)0)

/* The sign bits say which. */
static inline __attribute__((unused)) __m256i vec_first(size_t count)
{
    static const int signs[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(signs + LANES - count));
}

#define vec_load_part(p, count) _mm256_maskload_ps(p, vec_first(count))
#define vec_store_part(p, count, a) _mm256_maskstore_ps(p, vec_first(count), a)

#endif
