/* What the minimiser's parts share: a state, a trial point, the two line searches. SPDX-License-Identifier: Apache-2.0
 */
#ifndef PDL_LINEAR_SEARCH_H
#define PDL_LINEAR_SEARCH_H

#include "linear/minimize.h"

typedef struct pdl_state {
    const pdl_problem *problem;
    size_t n;         /* the problem's, or what its active set has left of it; so is l1 */
    const double *l1; /* p: [n], or NULL for L-BFGS */
    size_t iteration;
    double *x, *gradient; /* where the run stands, and f's gradient there */
    double smooth, value; /* f(x), F(x) */
    double *pseudo;       /* OWL-QN's pseudo-gradient at x; L-BFGS: the gradient itself */
    double *direction;
    double slope;                     /* pseudo . direction */
    double *trial_x, *trial_gradient; /* the point that was evaluated last */
    double trial_smooth, trial_value, trial_slope;
} pdl_state;

/* Each moves trial_x along the direction until it may be accepted. *found tells whether the search succeeded; the
 * status is for failures of evaluate alone. */
pdl_status pdl_search_wolfe(pdl_state *state, bool *found, pdl_error *error);
pdl_status pdl_search_owlqn(pdl_state *state, bool *found, pdl_error *error);

/* OWL-QN: pseudo = the pseudo-gradient at x. */
void pdl_owlqn_pseudo_gradient(pdl_state *state);
/* sum of p |x| */
double pdl_owlqn_penalty(const pdl_state *state, const double *x);

#endif
