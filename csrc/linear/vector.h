/* Loops over coefficient-sized vectors. SPDX-License-Identifier: Apache-2.0
 *
 * A vector is cut into pieces whose number depends on its length alone, and the pieces' sums are added in order: the
 * result does not depend on the threads. These loops are bound by memory, so each operation that can share a
 * reading with its neighbour does. */
#ifndef PDL_LINEAR_VECTOR_H
#define PDL_LINEAR_VECTOR_H

#include <stddef.h>
#include <stdlib.h> /* defines __GLIBC__ where that is the C library */

/* A loop compiled for several vector extensions; the processor's is chosen when the program is loaded. All give the
 * same bits: sums are kept in PDL_LANES lanes, and nothing is contracted. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define PDL_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define PDL_CLONES
#endif

/* Eight doubles, added and multiplied lane by lane in whatever vectors the processor has. */
#define PDL_LANES 8
typedef double pdl_lanes __attribute__((vector_size(PDL_LANES * sizeof(double)), aligned(8), may_alias));
#define PDL_LOAD(p) (*(const pdl_lanes *)(p))
#define PDL_LANE_SUM(a) ((((a)[0] + (a)[1]) + ((a)[2] + (a)[3])) + (((a)[4] + (a)[5]) + ((a)[6] + (a)[7])))

/* How a vector of n elements is cut: the number of pieces, at most PDL_MAX_PIECES, and the elements of one. */
#define PDL_MAX_PIECES 64
size_t pdl_vector_pieces(size_t n, size_t *piece);

/* body(context, first, last) works on elements first .. last - 1 and returns their share of the sum. */
typedef double (*pdl_piece)(const void *context, size_t first, size_t last);
double pdl_vector_run(size_t threads, size_t n, pdl_piece body, const void *context);

double pdl_vector_dot(size_t threads, size_t n, const double *a, const double *b);
double pdl_vector_norm(size_t threads, size_t n, const double *a);

/* out = a + t b */
void pdl_vector_step(size_t threads, size_t n, const double *a, double t, const double *b, double *out);

/* sum of a[k] b[k] over a piece: for bodies of pdl_vector_run. */
double pdl_piece_dot(const double *a, const double *b, size_t first, size_t last);
/* sum of a[0 .. count - 1] */
double pdl_block_sum(const double *a, size_t count);
#define PDL_BLOCK 512 /* elements that a body may work out on its stack before it sums them */

#endif
