/* Area averaging, eight destination pixels side by side. SPDX-License-Identifier: Apache-2.0 */
#include "image/resize.h"

#ifdef PDL_X86_PATHS
#include <immintrin.h>

#define LANES 8
#define TARGET __attribute__((target("avx2,fma")))
#define NAME pdl_area_avx2
#include "image/area_kernel.h"

INLINE vint gather(const uint8_t *base, vint offset)
{
    return (vint)_mm256_i32gather_epi32((const int *)(const void *)base, (__m256i)offset, 1);
}

INLINE vint load_bytes(const uint8_t *from)
{
    return (vint)_mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)from));
}

INLINE void store_bytes(vint values, uint8_t *to)
{
    const __m128i low = _mm256_castsi256_si128((__m256i)values), high = _mm256_extracti128_si256((__m256i)values, 1);
    const __m128i words = _mm_packus_epi32(low, high);
    _mm_storel_epi64((void *)to, _mm_packus_epi16(words, words));
}

INLINE vfloat multiply_add(vfloat a, vfloat b, vfloat c)
{
    return (vfloat)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

INLINE quad multiply_add_quad(quad a, quad b, quad c)
{
    return (quad)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
}
#else
typedef int pdl_no_avx2; /* ISO C wants a declaration */
#endif
