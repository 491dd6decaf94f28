/* Area averaging, sixteen destination pixels side by side. SPDX-License-Identifier: Apache-2.0 */
#include "image/resize.h"

#ifdef PDL_X86_PATHS
#include <immintrin.h>

#define LANES 16
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma")))
#define NAME pdl_area_avx512
#include "image/area_kernel.h"

INLINE vint gather(const uint8_t *base, vint offset)
{
    return (vint)_mm512_i32gather_epi32((__m512i)offset, (const void *)base, 1);
}

INLINE vint load_bytes(const uint8_t *from)
{
    return (vint)_mm512_cvtepu8_epi32(_mm_loadu_si128((const void *)from));
}

INLINE void store_bytes(vint values, uint8_t *to)
{
    _mm_storeu_si128((void *)to, _mm512_cvtepi32_epi8((__m512i)values));
}

INLINE vfloat multiply_add(vfloat a, vfloat b, vfloat c)
{
    return (vfloat)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

INLINE quad multiply_add_quad(quad a, quad b, quad c)
{
    return (quad)_mm_fmadd_ps((__m128)a, (__m128)b, (__m128)c);
}
#else
typedef int pdl_no_avx512; /* ISO C wants a declaration */
#endif
