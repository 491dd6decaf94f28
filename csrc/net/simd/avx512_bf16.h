/* Vectors of sixteen floats, for x86 processors with AVX-512 and its instructions for bfloat16.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef PDL_NET_SIMD_AVX512_BF16_H
#define PDL_NET_SIMD_AVX512_BF16_H

#include "net/simd/avx512.h"
#pragma GCC target("avx512bf16")

#define NATIVE_BF16 1

#endif
