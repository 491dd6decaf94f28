/* Activations as float32 or bfloat16: every kernel computes in float32 and reads and writes either.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     bfloat16    [ sign | 8 bits of exponent | 7 bits of fraction ]    the upper half of a float32
 *
 * Rounding is to nearest, ties to even; NaN stays NaN. */
#ifndef PDL_NET_PRECISION_H
#define PDL_NET_PRECISION_H

#include "pydeepl.h"

#include <stdbool.h>
#include <string.h>

typedef uint16_t pdl_bf16;

/* Bytes of an activation. */
static inline size_t pdl_element_size(pdl_precision precision)
{
    return precision == PDL_PRECISION_BFLOAT16 ? sizeof(pdl_bf16) : sizeof(float);
}

static inline float pdl_bf16_widen(pdl_bf16 x)
{
    uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline pdl_bf16 pdl_bf16_round(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t rounded = bits + 0x7fff + (bits >> 16 & 1);
    return (pdl_bf16)((x != x ? bits | 0x400000 : rounded) >> 16);
}

/* Whether the processor has instructions for bfloat16, and nothing has to be emulated. */
bool pdl_has_bf16(void);

/* Whether oneDNN multiplies matrices of bfloat16 with AMX. */
bool pdl_has_amx(void);

/* One after the other, by the calling thread. */
void pdl_bf16_round_run(const float *x, size_t count, pdl_bf16 *y);
void pdl_bf16_widen_run(const pdl_bf16 *x, size_t count, float *y);

/* Whole arrays, by the engine's threads: network inputs and outputs. */
void pdl_bf16_round_all(const float *x, size_t count, pdl_bf16 *y);
void pdl_bf16_widen_all(const pdl_bf16 *x, size_t count, float *y);

#endif
