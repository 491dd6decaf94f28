/* Loops over coefficient-sized vectors. SPDX-License-Identifier: Apache-2.0
 *
 * A vector is cut into pieces whose number depends on its length alone, and the pieces' sums are added in order: the
 * result does not depend on the threads. These loops are bound by memory, so each operation that can share a
 * reading with its neighbour does. */
#ifndef PDL_LINEAR_VECTOR_H
#define PDL_LINEAR_VECTOR_H

#include <stddef.h>

/* body(context, first, last) works on elements first .. last - 1 and returns their share of the sum. */
typedef double (*pdl_piece)(const void *context, size_t first, size_t last);
double pdl_vector_run(size_t threads, size_t n, pdl_piece body, const void *context);

double pdl_vector_dot(size_t threads, size_t n, const double *a, const double *b);
double pdl_vector_norm(size_t threads, size_t n, const double *a);

/* out = a + t b */
void pdl_vector_step(size_t threads, size_t n, const double *a, double t, const double *b, double *out);

/* a += t b; returns the new a . c (0 when c is NULL). */
double pdl_vector_add_dot(size_t threads, size_t n, double *a, double t, const double *b, const double *c);

/* sum of a[k] b[k] over a piece: for bodies of pdl_vector_run. */
double pdl_piece_dot(const double *a, const double *b, size_t first, size_t last);

#endif
