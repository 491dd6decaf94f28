/* Activations and weights as bfloat16 (net/precision.h), for kernels with one text for both precisions. Included after
 * a vector extension; float32.h says what is defined. SPDX-License-Identifier: Apache-2.0
 *
 * A matrix product takes channels in pairs, which lie side by side: a pack is
 *
 *     [ channel 0, channel 1 of output 0 | channel 0, channel 1 of output 1 | ... ]    LANES times two bfloat16
 *
 * as the instructions of AVX512_BF16 want it. They are used where NATIVE_BF16 is defined; elsewhere a pair is taken
 * apart into two float32, whose products are added in the instruction's order. */
#ifndef PDL_NET_SIMD_BFLOAT16_H
#define PDL_NET_SIMD_BFLOAT16_H

#include "net/precision.h"

typedef pdl_bf16 element;
typedef pdl_bf16 halves __attribute__((vector_size(2 * LANES), may_alias, aligned(2)));
typedef uint32_t words __attribute__((vector_size(4 * LANES)));
typedef uint32_t loose_words __attribute__((vector_size(4 * LANES), may_alias, aligned(2)));

#define element_get(x) pdl_bf16_widen(x)
#define element_make(x) pdl_bf16_round(x)

static inline __attribute__((unused)) vec element_load(const element *p)
{
#if LANES == 16
    return (vec)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16);
#elif LANES == 8
    return (vec)_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16);
#else
    return (vec)(__builtin_convertvector(*(const halves *)p, words) << 16);
#endif
}

static inline __attribute__((unused)) void element_store(element *p, vec a)
{
#ifdef NATIVE_BF16
    *(halves *)p = (halves)_mm512_cvtneps_pbh(a);
#else
    words bits = (words)a, rounded = bits + 0x7fff + (bits >> 16 & 1), nan = (words)(a != a);
    *(halves *)p = __builtin_convertvector(((rounded & ~nan) | ((bits | 0x400000) & nan)) >> 16, halves);
#endif
}

static inline __attribute__((unused)) vec element_load_part(const element *p, size_t count)
{
    element part[LANES] = {0};
    memcpy(part, p, count * sizeof *p);
    return element_load(part);
}

static inline __attribute__((unused)) void element_store_part(element *p, size_t count, vec a)
{
    element part[LANES];
    element_store(part, a);
    memcpy(p, part, count * sizeof *p);
}

#define element_stream(p, a) element_store(p, a) /* half a cache line: nothing to gain past the caches */

#define PACK 2
typedef words pack;

static inline __attribute__((unused)) pack pack_load(const element *p)
{
    return *(const loose_words *)p;
}

static inline __attribute__((unused)) pack pack_broadcast(const element *p)
{
    uint32_t pair;
    memcpy(&pair, p, sizeof pair);
    return pair - (words){0};
}

/* sum + a's upper halves times b's + a's lower halves times b's */
static inline __attribute__((unused)) vec pack_dot(pack a, pack b, vec sum)
{
#ifdef NATIVE_BF16
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
#else
    sum = vec_fma((vec)(a & 0xffff0000), (vec)(b & 0xffff0000), sum);
    return vec_fma((vec)(a << 16), (vec)(b << 16), sum);
#endif
}

#endif
