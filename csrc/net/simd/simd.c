/* SPDX-License-Identifier: Apache-2.0 */
#include "net/simd/simd.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define EXTENSIONS 4

static const char *const names[EXTENSIONS] = {"portable", "avx2", "avx512", "avx512_bf16"};
static const pdl_simd kinds[][EXTENSIONS] = {
    [PDL_PRECISION_FLOAT32] = {PDL_SIMD_PORTABLE, PDL_SIMD_AVX2, PDL_SIMD_AVX512, PDL_SIMD_AVX512},
    [PDL_PRECISION_BFLOAT16] = {PDL_SIMD_BF16_PORTABLE, PDL_SIMD_BF16_AVX2, PDL_SIMD_BF16_AVX512, PDL_SIMD_BF16_NATIVE},
};

/* The index of the last extension that the processor has. */
static int widest(void)
{
#ifdef PDL_SIMD_X86
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
    bool bf16 = avx512 && __builtin_cpu_supports("avx512bf16");
    return avx2 + avx512 + bf16;
#else
    return 0;
#endif
}

pdl_simd pdl_simd_choose(pdl_precision precision)
{
    int able = widest();
    const char *asked = getenv("PYDEEPL_KERNELS");
    for (int i = 0; asked != NULL && i < able; i++)
        if (strcmp(asked, names[i]) == 0) able = i;
    return kinds[precision][able];
}
