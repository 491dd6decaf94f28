/* Which of the vector extensions a room's kernels run with. SPDX-License-Identifier: Apache-2.0
 *
 * The kernels of a room have one text, which is compiled once for each extension after its header here. That header
 * defines `vec`, a vector of LANES floats, with vec_zero, vec_load, vec_store, vec_stream (past the caches),
 * vec_load_part and vec_store_part (the first so many, fewer than LANES; zeros behind them),
 * vec_broadcast, vec_add, vec_sub, vec_mul, vec_fma (a b + c), vec_sqrt, vec_relu (keeps NaN), vec_max and vec_min (of
 * a NaN and b: b), vec_reciprocal (of a finite number, within two of its last bits) and vec_fence (after streams); and
 * ROWS: with two accumulators each, two weights and a broadcast, so many rows of a matrix product fill the registers.
 */
#ifndef PDL_NET_SIMD_H
#define PDL_NET_SIMD_H

#include "pydeepl.h"

/* An extension and what activations and weights are in memory: float32 or, from PDL_SIMD_BF16_PORTABLE on, bfloat16. */
typedef enum pdl_simd {
    PDL_SIMD_PORTABLE,
    PDL_SIMD_AVX2,
    PDL_SIMD_AVX512,
    PDL_SIMD_BF16_PORTABLE,
    PDL_SIMD_BF16_AVX2,
    PDL_SIMD_BF16_AVX512,
    PDL_SIMD_BF16_NATIVE, /* AVX-512 with its instructions for bfloat16 */
    PDL_SIMD_KINDS
} pdl_simd;

/* Compilers that take a target for the rest of a file, on x86-64. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define PDL_SIMD_X86 1
#endif

/* For the kernels' loops of constant length, whose arrays then live in registers. A sanitizer's checks in hundreds of
 * copies of a line take minutes to compile: there the loops stay loops. */
#define INLINE static inline __attribute__((always_inline))
#ifdef __SANITIZE_ADDRESS__
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* make(1) make(2) ... make(ROWS): functions of so many rows each. ROWS is a number when this expands. */
#define FOR_EACH_ROWS(make) PDL_ROWS_TO(ROWS, make)
#define PDL_ROWS_TO(rows, make) PDL_ROWS_UP_TO(rows, make)
#define PDL_ROWS_UP_TO(rows, make) PDL_ROWS_##rows(make)
#define PDL_ROWS_6(make) make(1) make(2) make(3) make(4) make(5) make(6)
#define PDL_ROWS_14(make) PDL_ROWS_6(make) make(7) make(8) make(9) make(10) make(11) make(12) make(13) make(14)

/* The widest that this processor runs; PYDEEPL_KERNELS=portable|avx2|avx512 asks for a lesser one. */
pdl_simd pdl_simd_choose(pdl_precision precision);

#endif
