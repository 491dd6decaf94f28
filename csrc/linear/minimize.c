/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/minimize.h"

#include "base/memory.h"
#include "base/status.h"
#include "linear/active_set.h"
#include "linear/lbfgs.h"
#include "linear/search.h"
#include "linear/vector.h"

#include <math.h>
#include <string.h>

#define WINDOW 20
#define LEAST_GRADIENT 1e-8

typedef struct run {
    const pdl_problem *problem;
    pdl_state state;
    pdl_pairs pairs;
    pdl_history *history;
    double first_value;    /* F(start) */
    double window[WINDOW]; /* newest values, a ring */
    size_t steps;          /* values put in the window */
    bool failed_once, failed_twice;
} run;

pdl_status pdl_history_append(pdl_history *history, double value, pdl_error *error)
{
    if (history->count == history->capacity) {
        size_t capacity = history->capacity == 0 ? 128 : 2 * history->capacity;
        double *grown = pdl_alloc(capacity, sizeof *grown);
        if (grown == NULL) return pdl_fail_memory(error, capacity * sizeof *grown, "the objective history");
        for (size_t i = 0; i < history->count; i++)
            grown[i] = history->value[i];
        pdl_free(history->value);
        history->value = grown;
        history->capacity = capacity;
    }
    history->value[history->count++] = value;
    return PDL_OK;
}

static pdl_status record(run *work, pdl_error *error)
{
    pdl_status status = pdl_history_append(work->history, work->state.value, error);
    if (status != PDL_OK) return status;
    return work->problem->record(work->problem->context, work->state.iteration, work->state.value, error);
}

static bool has_settled(const run *work)
{
    if (work->steps < WINDOW) return false; /* +inf is still in the window */
    double highest = work->window[0];
    for (size_t i = 1; i < WINDOW; i++)
        if (work->window[i] > highest) highest = work->window[i];
    return fabs(work->state.value - highest) <= work->problem->tolerance * fabs(work->first_value);
}

static bool is_done(const run *work)
{
    const pdl_problem *problem = work->problem;
    if (work->state.iteration >= problem->max_iterations || has_settled(work)) return true;
    double bound = problem->tolerance * fabs(work->state.value);
    if (bound < LEAST_GRADIENT) bound = LEAST_GRADIENT;
    if (pdl_vector_norm(problem->threads, work->state.n, work->state.pseudo) <= bound) return true;
    return work->failed_twice;
}

static void swap(double **a, double **b)
{
    double *kept = *a;
    *a = *b;
    *b = kept;
}

/* Makes the trial point the state. */
static pdl_status accept_trial(run *work, pdl_error *error)
{
    pdl_state *state = &work->state;
    const pdl_problem *problem = work->problem;
    swap(&state->x, &state->trial_x);
    swap(&state->gradient, &state->trial_gradient);
    state->smooth = state->trial_smooth;
    state->value = state->trial_value;
    pdl_active_set *set = problem->active_set;
    pdl_status status = set != NULL ? pdl_active_set_enter(set, state, &work->pairs, error) : PDL_OK;
    if (status != PDL_OK) return status;
    if (problem->l1 != NULL)
        pdl_owlqn_pseudo_gradient(state);
    else
        state->pseudo = state->gradient;
    pdl_move move = {state->trial_x, state->x, state->trial_gradient, state->gradient, state->pseudo};
    status = pdl_pairs_add(&work->pairs, &move, error);
    if (status != PDL_OK) return status;
    if (set != NULL) pdl_active_set_note_pair(set, &work->pairs);
    state->iteration++;
    work->window[work->steps++ % WINDOW] = problem->smooth_window ? state->smooth : state->value;
    work->failed_once = false;
    return set != NULL ? pdl_active_set_leave(set, state, &work->pairs, error) : PDL_OK;
}

static pdl_status advance(run *work, pdl_error *error)
{
    pdl_state *state = &work->state;
    bool owlqn = work->problem->l1 != NULL, found = false;
    pdl_status status = PDL_OK;
    if (pdl_pairs_direction(&work->pairs, state->pseudo, owlqn, state->direction, &state->slope))
        status = owlqn ? pdl_search_owlqn(state, &found, error) : pdl_search_wolfe(state, &found, error);
    if (status != PDL_OK) return status;
    if (found) return accept_trial(work, error);
    work->failed_twice = work->failed_once;
    work->failed_once = true;
    pdl_pairs_clear(&work->pairs);
    return PDL_OK;
}

static pdl_status prepare(run *work, double *x, pdl_error *error)
{
    const pdl_problem *problem = work->problem;
    pdl_state *state = &work->state;
    size_t n = problem->n;
    double **const vectors[] = {&state->x,       &state->gradient,       &state->direction,
                                &state->trial_x, &state->trial_gradient, &state->pseudo};
    for (size_t i = 0; i < (problem->l1 != NULL ? 6 : 5); i++) {
        *vectors[i] = pdl_alloc(n, sizeof(double));
        if (*vectors[i] == NULL) return pdl_fail_memory(error, n * sizeof(double), "a vector of coefficients");
    }
    for (size_t k = 0; k < n; k++)
        state->x[k] = x[k];
    pdl_status status = problem->evaluate(problem->context, state->x, &state->smooth, state->gradient, error);
    if (status != PDL_OK) return status;
    state->value = state->smooth;
    if (problem->l1 != NULL) {
        state->value += pdl_owlqn_penalty(state, state->x);
        pdl_owlqn_pseudo_gradient(state);
    } else {
        state->pseudo = state->gradient;
    }
    work->first_value = state->value;
    if (problem->active_set != NULL) pdl_active_set_start(problem->active_set);
    return PDL_OK;
}

static void give_result(const run *work, double *x)
{
    const pdl_state *state = &work->state;
    if (work->problem->active_set != NULL)
        pdl_active_set_expand(work->problem->active_set, state, x);
    else
        memcpy(x, state->x, state->n * sizeof *x);
}

static void free_state(pdl_state *state)
{
    if (state->l1 != NULL) pdl_free(state->pseudo); /* without L1 it is the gradient */
    pdl_free(state->x);
    pdl_free(state->gradient);
    pdl_free(state->direction);
    pdl_free(state->trial_x);
    pdl_free(state->trial_gradient);
}

pdl_status pdl_minimize(const pdl_problem *problem, double *x, pdl_history *history, pdl_error *error)
{
    run work = {.problem = problem,
                .state = {.problem = problem, .n = problem->n, .l1 = problem->l1},
                .pairs = {.n = problem->n, .threads = problem->threads},
                .history = history};
    pdl_status status = prepare(&work, x, error);
    while (status == PDL_OK) {
        status = record(&work, error);
        if (status != PDL_OK || is_done(&work)) break;
        status = advance(&work, error);
    }
    if (status == PDL_OK) give_result(&work, x);
    pdl_pairs_free(&work.pairs);
    free_state(&work.state);
    return status;
}
