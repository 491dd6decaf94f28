/* Activations and weights as float32, for kernels with one text for both precisions. Included after a vector extension;
 * bfloat16.h is the other choice. SPDX-License-Identifier: Apache-2.0
 *
 *     element          an activation or a weight; element_load, element_store, element_stream: a vector of LANES of
 *                      them as floats; element_load_part, element_store_part: of fewer; element_get, element_make: of
 *                      a single one
 *     pack             a vector of what one step of a matrix product multiplies: PACK channels of LANES outputs */
#ifndef PDL_NET_SIMD_FLOAT32_H
#define PDL_NET_SIMD_FLOAT32_H

typedef float element;
#define element_load(p) vec_load(p)
#define element_store(p, a) vec_store(p, a)
#define element_stream(p, a) vec_stream(p, a)
#define element_load_part(p, count) vec_load_part(p, count)
#define element_store_part(p, count, a) vec_store_part(p, count, a)
#define element_get(x) (x)
#define element_make(x) (x)

#define PACK 1
typedef vec pack;
#define pack_load(p) vec_load(p)
#define pack_broadcast(p) vec_broadcast(*(p))
#define pack_dot(a, b, sum) vec_fma(a, b, sum) /* sum + a b */

#endif
