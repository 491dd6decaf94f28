/* Vectors of sixteen floats, for x86 processors with AVX-512. SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_NET_SIMD_AVX512_H
#define PDL_NET_SIMD_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,prefer-vector-width=512")

#define LANES 16
#define ROWS 14

typedef __m512 vec;
#define vec_zero() _mm512_setzero_ps()
#define vec_load(p) _mm512_loadu_ps(p)
#define vec_store(p, a) _mm512_storeu_ps(p, a)
#define vec_stream(p, a) _mm512_stream_ps(p, a)
#define vec_broadcast(a) _mm512_set1_ps(a)
#define vec_add(a, b) _mm512_add_ps(a, b)
#define vec_sub(a, b) _mm512_sub_ps(a, b)
#define vec_mul(a, b) _mm512_mul_ps(a, b)
#define vec_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define vec_relu(a) _mm512_max_ps(_mm512_setzero_ps(), a)
#define vec_max(a, b) _mm512_max_ps(a, b)
#define vec_min(a, b) _mm512_min_ps(a, b)
#define vec_sqrt(a) _mm512_sqrt_ps(a)
#define vec_load_part(p, count) _mm512_maskz_loadu_ps((__mmask16)((1u << (count)) - 1), p)
#define vec_store_part(p, count, a) _mm512_mask_storeu_ps(p, (__mmask16)((1u << (count)) - 1), a)
#define vec_fence() _mm_sfence()

/* An estimate of 14 bits and one step of Newton's method, in a third of a division's time. */
static inline __attribute__((unused)) vec vec_reciprocal(vec a)
{
    vec estimate = _mm512_rcp14_ps(a);
    return vec_fma(_mm512_fnmadd_ps(a, estimate, vec_broadcast(1.0f)), estimate, estimate);
}

#endif
