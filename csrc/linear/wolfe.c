/* Strong-Wolfe line search. SPDX-License-Identifier: Apache-2.0
 *
 * phi(t) = f(x + t p), p the direction. A step t is accepted when
 *
 *   phi(t) <= phi(0) + c1 t phi'(0)   and   |phi'(t)| <= c2 |phi'(0)|        c1 = 1e-4, c2 = 0.9
 *
 * Bracketing walks t, 1.5 t, 2.25 t, ... (halving while phi is not finite) until an interval must hold such a step;
 * zooming then shrinks the interval by cubic interpolation, kept 10 % away from its ends. Ten steps each, then failure.
 * The first trial is 1 / ||p|| at iteration 0, else 1. It fails, too, when phi'(0) > 0 or t ||g|| < 1e-10.
 * Source: Nocedal and Wright, algorithms 3.5 and 3.6; constants and order of tests as Breeze's StrongWolfeLineSearch.
 */
#include "linear/search.h"
#include "linear/vector.h"

#include <math.h>

#define SUFFICIENT_DECREASE 1e-4
#define CURVATURE 0.9
#define ROUNDS 10
#define SMALLEST_MOVE 1e-10

typedef struct point {
    double t, value, slope;
} point;

static pdl_status evaluate(pdl_state *state, double t, point *at, pdl_error *error)
{
    const pdl_problem *problem = state->problem;
    pdl_vector_step(problem->threads, state->n, state->x, t, state->direction, state->trial_x);
    pdl_status status =
        problem->evaluate(problem->context, state->trial_x, &state->trial_smooth, state->trial_gradient, error);
    if (status != PDL_OK) return status;
    state->trial_value = state->trial_smooth;
    state->trial_slope = pdl_vector_dot(problem->threads, state->n, state->trial_gradient, state->direction);
    *at = (point){t, state->trial_value, state->trial_slope};
    return PDL_OK;
}

/* Where the cubic through both ends' values and slopes is least, kept inside the interval; NaN if there is none. */
static double interpolate(const point *low, const point *high)
{
    const point *left = low->t < high->t ? low : high, *right = low->t < high->t ? high : low;
    double width = right->t - left->t;
    double d1 = left->slope + right->slope - 3 * (left->value - right->value) / (left->t - right->t);
    double d2 = sqrt(d1 * d1 - left->slope * right->slope);
    double t = right->t - width * (right->slope + d2 - d1) / (right->slope - left->slope + 2 * d2);
    double least = left->t + 0.1 * width, most = left->t + 0.9 * width;
    return t < least ? least : t > most ? most : t;
}

static pdl_status zoom(pdl_state *state, point start, point low, point high, point *accepted, bool *found,
                       pdl_error *error)
{
    for (size_t round = 0; round < ROUNDS; round++) {
        point at;
        pdl_status status = evaluate(state, interpolate(&low, &high), &at, error);
        if (status != PDL_OK) return status;
        if (isnan(at.value)) return PDL_OK;
        if (at.value > start.value + SUFFICIENT_DECREASE * at.t * start.slope || at.value >= low.value) {
            high = at;
            continue;
        }
        if (fabs(at.slope) <= CURVATURE * fabs(start.slope)) {
            *accepted = at;
            *found = true;
            return PDL_OK;
        }
        if (at.slope * (high.t - low.t) >= 0) high = low;
        low = at;
    }
    return PDL_OK;
}

static pdl_status bracket(pdl_state *state, point start, double t, point *accepted, bool *found, pdl_error *error)
{
    point low = start;
    for (size_t step = 0; step < ROUNDS; step++) {
        point at;
        pdl_status status = evaluate(state, t, &at, error);
        if (status != PDL_OK) return status;
        if (!isfinite(at.value)) {
            t /= 2;
            continue;
        }
        if (at.value > start.value + SUFFICIENT_DECREASE * t * start.slope || (at.value >= low.value && step > 0))
            return zoom(state, start, low, at, accepted, found, error);
        if (fabs(at.slope) <= CURVATURE * fabs(start.slope)) {
            *accepted = at;
            *found = true;
            return PDL_OK;
        }
        if (at.slope >= 0) return zoom(state, start, at, low, accepted, found, error);
        low = at;
        t *= 1.5;
    }
    return PDL_OK;
}

pdl_status pdl_search_wolfe(pdl_state *state, bool *found, pdl_error *error)
{
    size_t n = state->n, threads = state->problem->threads;
    point start = {0, state->value, state->slope}, accepted;
    *found = false;
    if (start.slope > 0) return PDL_OK;
    double t = state->iteration == 0 ? 1 / pdl_vector_norm(threads, n, state->direction) : 1;
    pdl_status status = bracket(state, start, t, &accepted, found, error);
    if (status == PDL_OK && *found) *found = accepted.t * pdl_vector_norm(threads, n, state->gradient) >= SMALLEST_MOVE;
    return status;
}
