/* SPDX-License-Identifier: Apache-2.0 */
#include "net/simd/simd.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[PDL_SIMD_KINDS] = {"portable", "avx2", "avx512"};

static pdl_simd widest(void)
{
#ifdef PDL_SIMD_X86
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
    return avx2 && avx512 ? PDL_SIMD_AVX512 : avx2 ? PDL_SIMD_AVX2 : PDL_SIMD_PORTABLE;
#else
    return PDL_SIMD_PORTABLE;
#endif
}

pdl_simd pdl_simd_choose(void)
{
    pdl_simd able = widest();
    const char *asked = getenv("PYDEEPL_KERNELS");
    for (int i = 0; asked != NULL && i < (int)able; i++)
        if (strcmp(asked, names[i]) == 0) return (pdl_simd)i;
    return able;
}
