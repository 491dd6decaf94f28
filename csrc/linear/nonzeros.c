/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/nonzeros.h"

#include "linear/kernels.h"

#include <string.h>

#define MAGNITUDE 0x7fffffffu /* all bits but the sign: 0 for both zeros */
#define INFINITE 0x7f800000u  /* an exponent of ones: infinity, and above it NaN */

static uint32_t magnitude(const float *x)
{
    uint32_t bits;
    memcpy(&bits, x, sizeof bits);
    return bits & MAGNITUDE;
}

size_t pdl_nonzeros_count(const float *x, size_t count, bool *finite)
{
    size_t nonzeros = 0;
    uint32_t highest = 0;
    for (size_t j = 0; j < count;) {
        uint32_t some = 0; /* a counter of 32 bits, so that a vector holds many */
        size_t end = count - j < 65536 ? count : j + 65536;
        for (; j < end; j++) {
            uint32_t bits = magnitude(x + j);
            some += bits != 0;
            highest = bits > highest ? bits : highest;
        }
        nonzeros += some;
    }
    if (highest >= INFINITE) *finite = false;
    return nonzeros;
}

static size_t pack_portable(const float *x, size_t first, size_t count, float *value, uint32_t *column,
                            uint32_t *highest)
{
    size_t used = 0;
    for (size_t j = first; j < count; j++) {
        uint32_t bits = magnitude(x + j);
        value[used] = x[j]; /* written before it is known whether it stays: no branch to mispredict */
        column[used] = (uint32_t)j;
        used += bits != 0;
        *highest = bits > *highest ? bits : *highest;
    }
    return used;
}

#ifdef PDL_KERNELS_X86
#include <immintrin.h>

/* Sixteen at a time; returns how many are packed, and in *done how many were read. */
__attribute__((target("avx512f"))) static size_t pack_avx512(const float *x, size_t count, float *value,
                                                             uint32_t *column, uint32_t *highest, size_t *done)
{
    size_t used = 0, whole = count - count % 16;
    __m512i places = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    __m512i most = _mm512_setzero_si512();
    for (size_t j = 0; j < whole; j += 16) {
        __m512i values = _mm512_loadu_si512(x + j);
        __m512i bits = _mm512_and_si512(values, _mm512_set1_epi32((int)MAGNITUDE));
        __mmask16 mask = _mm512_test_epi32_mask(bits, bits);
        most = _mm512_max_epu32(most, bits);
        /* In a register, then stored whole: a compressing store is microcoded on some processors. */
        _mm512_storeu_si512(value + used, _mm512_maskz_compress_epi32(mask, values));
        _mm512_storeu_si512(column + used, _mm512_maskz_compress_epi32(mask, places));
        places = _mm512_add_epi32(places, _mm512_set1_epi32(16));
        used += (size_t)__builtin_popcount(mask);
    }
    *highest = _mm512_reduce_max_epu32(most);
    *done = whole;
    return used;
}
#endif

size_t pdl_nonzeros_pack(const float *x, size_t count, float *value, uint32_t *column, bool *finite)
{
    size_t used = 0, done = 0;
    uint32_t highest = 0;
#ifdef PDL_KERNELS_X86
    if (pdl_kernels_choose() == &pdl_kernels_avx512) used = pack_avx512(x, count, value, column, &highest, &done);
#endif
    used += pack_portable(x, done, count, value + used, column + used, &highest);
    if (highest >= INFINITE) *finite = false;
    return used;
}
