/* Minimisation of f(x) + sum_k p_k |x_k|. SPDX-License-Identifier: Apache-2.0
 *
 * Without p it is L-BFGS with a strong-Wolfe search (wolfe.c), with p it is OWL-QN with a backtracking search
 * (owlqn.c); both take their direction from lbfgs.h. F = f + sum p|x| is what is recorded; g' is the gradient, or
 * OWL-QN's pseudo-gradient.
 *
 * Every state, the first included, is recorded and then tested; the first test that holds ends the run:
 *
 *   a. iteration >= max_iterations
 *   b. |F - max(window)| <= tolerance |F(start)|, the window being the newest 20 values of F, at first [+inf], which
 *      stays there for 20 steps: the test cannot hold before iteration 20
 *   c. ||g'|| <= max(tolerance |F|, 1e-8)
 *   d. two failures in a row
 *
 * A failure (of the direction or the search) the first time in a row keeps x, forgets the pairs and records the same
 * state once more; the iteration number stays. The second time the state is recorded again and the run ends. The last
 * x is the result, not the best.
 * Source: Breeze's FirstOrderMinimizer, which Spark MLlib runs. */
#ifndef PDL_LINEAR_MINIMIZE_H
#define PDL_LINEAR_MINIMIZE_H

#include "pydeepl.h"

#include <stdbool.h>
#include <stddef.h>

struct pdl_active_set;

typedef struct pdl_problem {
    size_t n;
    /* *value = f(x), gradient = df/dx; may fail (interruption). */
    pdl_status (*evaluate)(void *context, const double *x, double *value, double *gradient, pdl_error *error);
    /* Told every recorded state's iteration and F; may fail (interruption). */
    pdl_status (*record)(void *context, size_t iteration, double objective, pdl_error *error);
    void *context;
    const double *l1;                  /* p: [n], or NULL for L-BFGS */
    struct pdl_active_set *active_set; /* or NULL: what x and the gradient of `evaluate` are then cut to */
    size_t max_iterations;
    double tolerance;
    bool smooth_window; /* the window holds f in place of F: Breeze <= 1.0, Spark <= 3.1 */
    size_t threads;
} pdl_problem;

typedef struct pdl_history {
    double *value; /* F of every recorded state; free with pdl_free */
    size_t count, capacity;
} pdl_history;

pdl_status pdl_history_append(pdl_history *history, double value, pdl_error *error);

/* x: the start, then the result. The history is the caller's also on failure. */
pdl_status pdl_minimize(const pdl_problem *problem, double *x, pdl_history *history, pdl_error *error);

#endif
