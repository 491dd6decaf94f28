/* Kernels in vectors of four doubles. SPDX-License-Identifier: Apache-2.0 */
#include "linear/kernels.h"

#ifdef PDL_KERNELS_X86
#include <immintrin.h>
#include <math.h>
#pragma GCC target("avx2,fma")

#define NAME pdl_kernels_avx2
#define NAME_TEXT "avx2"
#define LANES 4

typedef __m256d vec;
#define vec_zero() _mm256_setzero_pd()
#define vec_load(p) _mm256_loadu_pd(p)
#define vec_load_f32(p) _mm256_cvtps_pd(_mm_loadu_ps(p))
#define vec_store(p, a) _mm256_storeu_pd(p, a)
#define vec_broadcast(a) _mm256_set1_pd(a)
#define vec_fma(a, b, c) _mm256_fmadd_pd(a, b, c)

static inline double vec_sum(vec a)
{
    __m128d half = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
    return _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
}

#include "linear/kernels_body.h"
#else
typedef int pdl_no_avx2; /* a translation unit may not be empty */
#endif
