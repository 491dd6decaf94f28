/* The inner loops of elementwise operations, one set for each vector extension and precision. SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef PDL_NET_ELEMENTWISE_KERNELS_H
#define PDL_NET_ELEMENTWISE_KERNELS_H

#include "net/program.h"
#include "net/simd/simd.h"

#include <stdbool.h>
#include <stddef.h>

/* Rows of neighbouring numbers, float32 or bfloat16, a pitch of elements apart. y may be a. */
typedef struct pdl_rows {
    const void *a, *b;
    void *y;
    size_t a_pitch, b_pitch, y_pitch; /* 0: the same row for all */
    size_t rows, count;
    bool a_alone, b_alone; /* rows of a or of b hold one number, for all of the result's */
} pdl_rows;

/* What two numbers give. */
typedef enum pdl_combination {
    PDL_COMBINE_ADD,
    PDL_COMBINE_MULTIPLY,
    PDL_COMBINE_SUBTRACT,
    PDL_COMBINE_DIVIDE,
    PDL_COMBINE_MAXIMUM,
    PDL_COMBINE_MINIMUM,
    PDL_COMBINE_PRELU /* a where a > 0, else a b */
} pdl_combination;

typedef struct pdl_elementwise_kernels {
    /* y = function(a) */
    void (*activate)(const pdl_function *function, const pdl_rows *rows);
    /* y = relu(factor a + shift), the relu where it is asked for; factor, shift: [count], or NULL for 1 and 0. */
    void (*scale)(const float *factor, const float *shift, bool relu, const pdl_rows *rows);
    /* y = a ? b */
    void (*combine)(pdl_combination how, const pdl_rows *rows);
    /* y = gamma z + beta with each row of a normalized to z; gamma, beta: [count] or NULL. */
    void (*normalize)(pdl_norm norm, float epsilon, const float *gamma, const float *beta, const pdl_rows *rows);
} pdl_elementwise_kernels;

extern const pdl_elementwise_kernels pdl_elementwise_portable, pdl_elementwise_bf16_portable;
#ifdef PDL_SIMD_X86
extern const pdl_elementwise_kernels pdl_elementwise_avx2, pdl_elementwise_bf16_avx2;
extern const pdl_elementwise_kernels pdl_elementwise_avx512, pdl_elementwise_bf16_avx512;
#endif

const pdl_elementwise_kernels *pdl_elementwise_kernels_for(pdl_simd simd);

/* y = f(factor a + shift) of rows of an affine operation's channels. */
void pdl_scale_rows(pdl_simd simd, const pdl_op *op, const pdl_rows *rows);

/* function(y) in place of `rows` rows, where a function is set. */
void pdl_activate_rows(pdl_simd simd, const pdl_function *function, void *y, size_t pitch, size_t rows, size_t count);

#endif
