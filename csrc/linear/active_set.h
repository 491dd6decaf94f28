/* OWL-QN on the features that matter. SPDX-License-Identifier: Apache-2.0
 *
 * An L1 penalty leaves most features at 0: of 131,072, some 1 % after 40 iterations. A feature j is idle at a point
 * when x_jc = 0 and |g_jc| <= p_j for every class c. Its pseudo-gradient is then 0, so is its part of the direction,
 * and it stays at 0 for the step. The run therefore keeps its vectors (and a copy of the data) for a active set of
 * features alone, which holds all that are not idle; everything else of it is as it would be with all features:
 *
 *   entering   after each accepted step one pass over the data gives the gradient of the features outside. Those with
 *              |g_jc| > p_j join before the pseudo-gradient is taken
 *   leaving    when most features of the set have become idle, they are dropped
 *
 * The pairs (s, y) of L-BFGS have elements outside the set, too. None meets a direction or a pseudo-gradient there, but
 * the products s_i . y_j and y_i . y_j include them. These come from the samples: with D r the change of the loss's
 * multipliers in a step, Z s the change of the margins (without intercepts), and G = Z Z^T (gram.h),
 *
 *   y = Z^T D r / W + l2 s        (q_j = 1)
 *   s_i . y_j = (Z s_i) . D r_j / W + l2 s_i . s_j
 *   y_i . y_j = D r_i . G D r_j / W^2 + l2 ((Z s_i) . D r_j + (Z s_j) . D r_i) / W + l2^2 s_i . s_j
 *
 * and the intercepts' elements are added as they are. The new s lies inside the set, so s_i . s_j needs no more than
 * that. Should a feature come back while a pair remembers it, its s_j is found in the vector that was kept when the
 * feature left, and its y_j is computed again as above: each n x K multipliers, never a dense y.
 *
 * Vectors of coefficients at one time (of all features): 28 without a active set: 6 of the state, 10 pairs, L1 weights
 * and the result. A set is at most 0.35 (dense, where the data copied counts most) or 0.6 (sparse) of the features when
 * it is first made; the ten s that are kept then leave it at most 28.6.
 * Source: the idea of shrinking, Joachims, Making large-scale SVM learning practical (1999); here it changes nothing.
 */
#ifndef PDL_LINEAR_ACTIVE_SET_H
#define PDL_LINEAR_ACTIVE_SET_H

#include "linear/lbfgs.h"
#include "linear/objective.h"
#include "linear/search.h"
#include "linear/select.h"

/* A pair's s from before features left the set. */
typedef struct pdl_kept_step {
    double *s;        /* [sets, count], or NULL */
    uint32_t *column; /* [count] increasing, or NULL when they are all features */
    size_t count;
} pdl_kept_step;

typedef struct pdl_active_set {
    pdl_objective *full;
    const double *l1; /* [sets, all features] */
    size_t max_iterations;

    bool narrowed; /* false: the set is all features, and the fields up to gram are unused */
    size_t count;
    uint32_t *column; /* [count] increasing */
    uint32_t *place;  /* [all features] where the feature is in the set, or PDL_NO_PLACE */
    pdl_selection selection;
    pdl_objective objective;
    double *scale;   /* [2, count]: u_j, m_j */
    double *penalty; /* [sets, count] and 0 for the intercepts */
    double *gram;    /* [rows, rows] */

    double *margins, *multipliers;                               /* [rows, stride] at x: Z x, and r */
    double *seen_margins, *seen_multipliers;                     /* the same at the point that was evaluated last */
    double *margin_step[PDL_PAIRS], *multiplier_step[PDL_PAIRS]; /* of each pair, by slots: Z s, D r */
    double *product;                                             /* [rows, stride]: G D r of the newest */
    pdl_kept_step kept[PDL_PAIRS];                               /* by slots */
} pdl_active_set;

/* Whether a fit may use a active set at all: few samples, many features, and a penalty that the formulas cover. */
bool pdl_active_set_fits(const pdl_objective *objective);

/* Borrows the objective of all features, and the L1 weights. */
pdl_status pdl_active_set_open(pdl_active_set *set, pdl_objective *full, const double *l1, size_t max_iterations,
                               pdl_error *error);
void pdl_active_set_close(pdl_active_set *set);

/* The objective of the features in the set. */
pdl_objective *pdl_active_set_objective(pdl_active_set *set);

/* The four steps of a run (minimize.c), in order: after the first evaluation; when a trial point has become the state,
 * before its pseudo-gradient; when its pair has been added; and then. The second and the last may change the vectors of
 * state and pairs, and their length. */
void pdl_active_set_start(pdl_active_set *set);
pdl_status pdl_active_set_enter(pdl_active_set *set, pdl_state *state, pdl_pairs *pairs, pdl_error *error);
void pdl_active_set_note_pair(pdl_active_set *set, pdl_pairs *pairs);
pdl_status pdl_active_set_leave(pdl_active_set *set, pdl_state *state, pdl_pairs *pairs, pdl_error *error);

/* x: over all features, from the state's. */
void pdl_active_set_expand(const pdl_active_set *set, const pdl_state *state, double *x);

#endif
