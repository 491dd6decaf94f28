/* Kernels in vectors of eight doubles. SPDX-License-Identifier: Apache-2.0 */
#include "linear/kernels.h"

#ifdef PDL_KERNELS_X86
#include <immintrin.h>
#include <math.h>
#pragma GCC target("avx512f,avx512vl,avx512dq,avx2,fma,prefer-vector-width=512")

#define NAME pdl_kernels_avx512
#define NAME_TEXT "avx512"
#define LANES 8

typedef __m512d vec;
#define vec_zero() _mm512_setzero_pd()
#define vec_load(p) _mm512_loadu_pd(p)
#define vec_load_f32(p) _mm512_cvtps_pd(_mm256_loadu_ps(p))
#define vec_store(p, a) _mm512_storeu_pd(p, a)
#define vec_broadcast(a) _mm512_set1_pd(a)
#define vec_fma(a, b, c) _mm512_fmadd_pd(a, b, c)
#define vec_sum(a) _mm512_reduce_add_pd(a)

#include "linear/kernels_body.h"
#else
typedef int pdl_no_avx512; /* a translation unit may not be empty */
#endif
