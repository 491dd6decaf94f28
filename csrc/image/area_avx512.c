/* Area averaging, sixteen destination pixels side by side. SPDX-License-Identifier: Apache-2.0 */
#include "image/resize.h"

#ifdef PDL_X86_PATHS
#include <immintrin.h>

#define LANES 16
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq")))
#define NAME pdl_area_avx512
#include "image/area_kernel.h"

INLINE vint gather(const uint8_t *base, vint offset)
{
    return (vint)_mm512_i32gather_epi32((__m512i)offset, (const void *)base, 1);
}
#else
typedef int pdl_no_avx512; /* ISO C wants a declaration */
#endif
