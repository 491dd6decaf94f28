/* Orthant-wise quasi-Newton: L-BFGS for objectives with an L1 term. SPDX-License-Identifier: Apache-2.0
 *
 * F(x) = f(x) + sum_k p_k |x_k|; g = df/dx.
 *
 *   pseudo-gradient  a_k = g_k                      if p_k = 0
 *                          g_k + sign(x_k) p_k      if x_k != 0
 *                          g_k - p_k if > 0, else g_k + p_k if < 0, else 0
 *   direction        d = -H a, then d_k = 0 unless d_k a_k < 0
 *   step             v = x + t d; v_k = 0 unless sign(v_k) = o_k, the orthant o_k = sign(x_k), or sign(-a_k) at x_k = 0
 *
 * The projection holds for all coordinates: an intercept, too, stops at 0 rather than cross it in one step.
 *
 * The search multiplies t until phi(t) = F(x(t)) falls enough and phi'(t) (the pseudo-gradient at x(t) times the
 * unprojected d) is flat enough:
 *
 *   phi > phi(0) + 1e-4 t phi'(0) -> shrink;  phi' < 0.9 phi'(0) -> grow 2.1;  phi' > -0.9 phi'(0) -> shrink
 *
 * with shrink 0.1 at iteration 0 and 0.5 later, from t = 0.5 / ||g|| at iteration 0 and 1 later. Leaving
 * [1e-10, 1e10] fails; the twentieth multiplication is not made, its t is taken.
 *
 * Kept from the original, since results depend on it: for the first trial phi is not F(x(t)) but f(x), without the
 * L1 term and at the point where the search starts; only its slope is new. So at iteration 0 from x = 0 the first trial
 * always shrinks, and later a unit step is mostly judged by its slope: F may rise a little.
 * Source: Andrew and Gao, Scalable training of L1-regularized log-linear models (2007); Breeze's OWLQN and
 * BacktrackingLineSearch. */
#include "linear/search.h"
#include "linear/vector.h"

#include <math.h>

#define SUFFICIENT_DECREASE 1e-4
#define CURVATURE 0.9
#define GROW 2.1
#define SHRINK_FIRST 0.1
#define SHRINK_LATER 0.5
#define LEAST_STEP 1e-10
#define MOST_STEP 1e10
#define ROUNDS 20

/* p = 0 needs no case of its own: then both ends are g. */
static inline double pseudo_gradient(double x, double g, double p)
{
    double above = g + p, below = g - p;
    double at_zero = below > 0 ? below : above < 0 ? above : 0;
    return x > 0 ? above : x < 0 ? below : at_zero;
}

static double penalty_piece(const void *context, size_t first, size_t last)
{
    const double *const *on = context;
    double sum = 0;
    for (size_t k = first; k < last; k++)
        sum += on[0][k] * fabs(on[1][k]);
    return sum;
}

double pdl_owlqn_penalty(const pdl_state *state, const double *x)
{
    const double *on[] = {state->l1, x};
    return pdl_vector_run(state->problem->threads, state->n, penalty_piece, on);
}

PDL_CLONES static double pseudo_piece(const void *context, size_t first, size_t last)
{
    const pdl_state *state = context;
    const double *restrict x = state->x, *restrict g = state->gradient, *restrict p = state->l1;
    double *restrict pseudo = state->pseudo;
    for (size_t k = first; k < last; k++)
        pseudo[k] = pseudo_gradient(x[k], g[k], p[k]);
    return 0;
}

void pdl_owlqn_pseudo_gradient(pdl_state *state)
{
    pdl_vector_run(state->problem->threads, state->n, pseudo_piece, state);
}

typedef struct movement {
    const pdl_state *state;
    double t;
} movement;

static inline double projected(double x, double t, double d, double pseudo)
{
    double v = x + t * d, orthant = x != 0 ? x : -pseudo;
    return ((v > 0) & (orthant > 0)) | ((v < 0) & (orthant < 0)) ? v : 0;
}

/* trial_x = the projected step; the sum is its L1 term. */
PDL_CLONES static double move_piece(const void *context, size_t first, size_t last)
{
    const movement *on = context;
    const pdl_state *state = on->state;
    double t = on->t, term[PDL_BLOCK], sum = 0;
    for (size_t start = first; start < last; start += PDL_BLOCK) {
        size_t count = last - start < PDL_BLOCK ? last - start : PDL_BLOCK;
        const double *restrict x = state->x + start, *restrict d = state->direction + start;
        const double *restrict pseudo = state->pseudo + start, *restrict p = state->l1 + start;
        double *restrict out = state->trial_x + start;
        for (size_t k = 0; k < count; k++) {
            out[k] = projected(x[k], t, d[k], pseudo[k]);
            term[k] = p[k] * fabs(out[k]);
        }
        sum += pdl_block_sum(term, count);
    }
    return sum;
}

PDL_CLONES static double trial_slope_piece(const void *context, size_t first, size_t last)
{
    const pdl_state *state = context;
    double term[PDL_BLOCK], sum = 0;
    for (size_t start = first; start < last; start += PDL_BLOCK) {
        size_t count = last - start < PDL_BLOCK ? last - start : PDL_BLOCK;
        const double *restrict x = state->trial_x + start, *restrict g = state->trial_gradient + start;
        const double *restrict d = state->direction + start, *restrict p = state->l1 + start;
        for (size_t k = 0; k < count; k++)
            term[k] = d[k] * pseudo_gradient(x[k], g[k], p[k]);
        sum += pdl_block_sum(term, count);
    }
    return sum;
}

static pdl_status evaluate(pdl_state *state, double t, pdl_error *error)
{
    const pdl_problem *problem = state->problem;
    double penalty = pdl_vector_run(problem->threads, state->n, move_piece, &(movement){state, t});
    pdl_status status =
        problem->evaluate(problem->context, state->trial_x, &state->trial_smooth, state->trial_gradient, error);
    if (status != PDL_OK) return status;
    state->trial_value = state->trial_smooth + penalty;
    state->trial_slope = pdl_vector_run(problem->threads, state->n, trial_slope_piece, state);
    return PDL_OK;
}

/* By what t must be multiplied; 1 accepts it. */
static double factor(double value, double slope, double bound, double first_slope, double shrink)
{
    if (value > bound) return shrink;
    if (slope < CURVATURE * first_slope) return GROW;
    if (slope > -CURVATURE * first_slope) return shrink;
    return 1;
}

pdl_status pdl_search_owlqn(pdl_state *state, bool *found, pdl_error *error)
{
    size_t n = state->n, threads = state->problem->threads;
    double slope = state->slope;
    double shrink = state->iteration == 0 ? SHRINK_FIRST : SHRINK_LATER;
    double t = state->iteration == 0 ? 0.5 / pdl_vector_norm(threads, n, state->gradient) : 1;
    double value = state->smooth; /* what the head says is kept */
    *found = false;
    pdl_status status = evaluate(state, t, error);
    for (size_t round = 1; status == PDL_OK; round++) {
        double bound = state->value + t * slope * SUFFICIENT_DECREASE;
        double by = factor(value, state->trial_slope, bound, slope, shrink);
        if (by != 1 && (t * by < LEAST_STEP || t * by > MOST_STEP)) return PDL_OK;
        if (by == 1 || round == ROUNDS) {
            *found = true;
            return PDL_OK;
        }
        t *= by;
        status = evaluate(state, t, error);
        value = state->trial_value;
    }
    return status;
}
