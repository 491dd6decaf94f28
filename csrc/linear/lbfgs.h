/* The quasi-Newton direction of limited-memory BFGS. SPDX-License-Identifier: Apache-2.0
 *
 * Memory: the newest m = 10 pairs s = x_new - x_old, y = g_new - g_old, g the gradient of the smooth part (also in
 * OWL-QN). With H0 = gamma I, gamma = (s.y) / (y.y) of the newest pair (1 without pairs), direction = -H v:
 *
 *   q = v;  newest to oldest:  a_i = (s_i . q) / (s_i . y_i),  q -= a_i y_i
 *   q *= gamma;  oldest to newest:  q += (a_i - (y_i . q) / (s_i . y_i)) s_i
 *   direction = -q
 *
 * Each subtraction and the next inner product share one pass. It fails when the newest s.y is negative or NaN, or
 * some a_i is NaN; no other test of curvature, no damping.
 * Source: Nocedal and Wright, Numerical Optimization, algorithm 7.4; details as Breeze's LBFGS. */
#ifndef PDL_LINEAR_LBFGS_H
#define PDL_LINEAR_LBFGS_H

#include "pydeepl.h"

#include <stdbool.h>
#include <stddef.h>

#define PDL_PAIRS 10

typedef struct pdl_pairs {
    size_t n, threads;
    size_t count, newest; /* pairs held; slot of the newest */
    double *s[PDL_PAIRS], *y[PDL_PAIRS];
    double sy[PDL_PAIRS];
    double yy; /* of the newest */
} pdl_pairs;

/* Adds the pair of two points and their gradients. Slots are allocated as they are first used. */
pdl_status pdl_pairs_add(pdl_pairs *pairs, const double *x_old, const double *x_new, const double *g_old,
                         const double *g_new, pdl_error *error);
/* Forgets all pairs, keeps their memory. */
void pdl_pairs_clear(pdl_pairs *pairs);
void pdl_pairs_free(pdl_pairs *pairs);

/* direction = -H v; false on failure. */
bool pdl_pairs_direction(const pdl_pairs *pairs, const double *v, double *direction);

#endif
