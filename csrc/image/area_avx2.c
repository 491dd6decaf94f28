/* Area averaging, eight destination pixels side by side. SPDX-License-Identifier: Apache-2.0 */
#include "image/resize.h"

#ifdef PDL_X86_PATHS
#include <immintrin.h>

#define LANES 8
#define TARGET __attribute__((target("avx2")))
#define NAME pdl_area_avx2
#include "image/area_kernel.h"

INLINE vint gather(const uint8_t *base, vint offset)
{
    return (vint)_mm256_i32gather_epi32((const int *)(const void *)base, (__m256i)offset, 1);
}
#else
typedef int pdl_no_avx2; /* ISO C wants a declaration */
#endif
