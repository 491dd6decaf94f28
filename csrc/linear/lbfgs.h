/* The quasi-Newton direction of limited-memory BFGS. SPDX-License-Identifier: Apache-2.0
 *
 * Memory: the newest m = 10 pairs s = x_new - x_old, y = g_new - g_old, g the gradient of the smooth part (also in
 * OWL-QN). With H0 = gamma I, gamma = (s.y) / (y.y) of the newest pair (1 without pairs), direction = -H v:
 *
 *   q = v;  newest to oldest:  a_i = (s_i . q) / (s_i . y_i),  q -= a_i y_i
 *   q *= gamma;  oldest to newest:  c_i = a_i - (y_i . q) / (s_i . y_i),  q += c_i s_i
 *   direction = -q
 *
 * Run literally, that is 4 m passes over vectors of coefficients, 10 MB each for 131,072 features and 10 classes. But
 * q stays a combination of v, the s and the y, so all its inner products follow from those among these vectors:
 *
 *   a_i = (s_i.v - sum_{j newer} a_j s_i.y_j) / s_i.y_i
 *   c_i = a_i - (gamma (y_i.v - sum_j a_j y_i.y_j) + sum_{j older} c_j y_i.s_j) / s_i.y_i
 *   q = gamma v - gamma sum_j a_j y_j + sum_j c_j s_j
 *
 * Adding a pair takes the products with it in one pass over the memory; the direction takes one more.
 * It fails when the newest s.y is negative or NaN, or some a_i is NaN; no other test of curvature, no damping.
 * Source: Nocedal and Wright, Numerical Optimization, algorithm 7.4; details as Breeze's LBFGS; the products as in
 * Chen, Wang and Zhou, Large-scale L-BFGS using MapReduce (2014). */
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
    double sy[PDL_PAIRS][PDL_PAIRS]; /* s_i . y_j, by slots */
    double yy[PDL_PAIRS][PDL_PAIRS];
    double sv[PDL_PAIRS], yv[PDL_PAIRS]; /* with the v that came with the newest pair */
    double ss[PDL_PAIRS];                /* with the newest s */
} pdl_pairs;

/* Two points, the gradients there, and the v of the direction that will be asked for next. */
typedef struct pdl_move {
    const double *x_old, *x_new, *g_old, *g_new, *v;
} pdl_move;

/* Adds the pair of a move. Slots are allocated as they are first used. */
pdl_status pdl_pairs_add(pdl_pairs *pairs, const pdl_move *move, pdl_error *error);
/* Forgets all pairs, keeps their memory. */
void pdl_pairs_clear(pdl_pairs *pairs);
void pdl_pairs_free(pdl_pairs *pairs);

/* direction = -H v, v being the newest move's (any v while there is no pair); with `opposed`, components that do not
 * have the sign opposite to v's become 0. *slope = v . direction. False on failure. */
bool pdl_pairs_direction(const pdl_pairs *pairs, const double *v, bool opposed, double *direction, double *slope);

#endif
