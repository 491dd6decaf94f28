/* Truncated Newton steps for logistic regression with an elastic net. SPDX-License-Identifier: Apache-2.0
 *
 * F = f + sum p |b|, f smooth (elastic.h). At a point b with f's gradient g:
 *
 *   pseudo-gradient  v = g + p sign b where b != 0 (and where p = 0); else g shrunk towards 0 by p
 *   free             b != 0 or v != 0; the others stay 0
 *   direction        d: conjugate gradients on (d2f) d = -v over the free variables, until the preconditioned residual
 *                    is min(1/4, sqrt(its start)) of its start; from 0 a variable may only move against v
 *   step             b(t) = b + t d, where whatever leaves its orthant (sign b, from 0 that of -v) becomes 0;
 *                    t = 1, 1/2, ... until F(b(t)) <= F(b) + 1e-4 v . (b(t) - b); the last try goes no further than
 *                    where the first coefficient gets 0
 *   no such t        or the last alone: then also a proximal gradient step, b <- shrink(b - g / M, p / M), M doubled
 *                    until F falls enough
 *
 * Softmax does not feel it when a feature's coefficients shift together, where pure L1 is only piecewise linear: d2f is
 * singular along the shift, or with little L2 nearly so. There each trial point is shifted to where its penalty is
 * smallest (under L1 alone, a median goes to 0), and where all coefficients of a feature are free one that is 0 is
 * held: shifts and the others span the same directions.
 *
 * Without L1 that is Newton-CG. With it, once the support is right it is Newton's method there, and converges as fast;
 * the proximal step makes it converge from everywhere. The preconditioner is the diagonal that d2f would have if
 * features and predictions were independent: variance_c moment_j + l2 q_j.
 * References: Andrew and Gao, Scalable training of L1-regularized log-linear models (2007), for orthants; Byrd, Chin,
 * Nocedal and Oztoprak, A family of second-order methods for convex l1-regularized optimization (2016); Nocedal and
 * Wright, Numerical Optimization, section 7.1, for truncation. */
#ifndef PDL_LINEAR_NEWTON_H
#define PDL_LINEAR_NEWTON_H

#include "linear/elastic.h"

typedef struct pdl_newton {
    pdl_elastic *on;
    double *point; /* the caller's: start and result */
    /* Asked after every two products; may fail (interruption). NULL: never. */
    pdl_status (*check)(void *context, pdl_error *error);
    void *context;
    size_t max_steps;
    double target; /* stop when no |v| is larger */

    /* Results, and what the caller gives at the start: mean loss and residuals [rows, stride] at the point. */
    double mean_loss;
    double *residuals;
    /* The mean loss's gradient there, if it is known: [sets, columns] and [sets]; else NULL. Read before anything else.
     */
    const double *gradient, *intercept_gradient;
    size_t steps;
    double reach; /* the largest change of a margin along the last direction */
    bool stuck;   /* neither step made F smaller: rounding is all that is left */
} pdl_newton;

pdl_status pdl_newton_run(pdl_newton *newton, pdl_error *error);

#endif
