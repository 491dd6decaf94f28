/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/active_set.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"
#include "linear/gram.h"
#include "linear/vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A set is made, or made anew, when no more than this share of its features is active. The first also copies data. */
#define DENSE_SHARE 0.35
#define SPARSE_SHARE 0.6
#define LATER_SHARE 0.6
#define FEWEST_LEFT 10 /* iterations that a first set needs: the first ones of a run change it at every step */

/* ---- opening and closing ----------------------------------------------------------------------------- */

static size_t sample_count(const pdl_active_set *set)
{
    return set->full->matrix->rows * set->full->matrix->stride;
}

bool pdl_active_set_fits(const pdl_objective *objective)
{
    const pdl_matrix *matrix = objective->matrix;
    double rows = (double)matrix->rows, columns = (double)matrix->columns;
    bool covered = objective->standardization || objective->l2 == 0;
    return covered && 2 * rows <= columns && rows * rows <= (double)matrix->sets * columns && columns < PDL_NO_PLACE;
}

pdl_status pdl_active_set_open(pdl_active_set *set, pdl_objective *full, const double *l1, size_t max_iterations,
                               pdl_error *error)
{
    *set = (pdl_active_set){.full = full, .l1 = l1, .max_iterations = max_iterations, .count = full->matrix->columns};
    size_t count = sample_count(set);
    double **const vectors[] = {&set->margins, &set->multipliers, &set->seen_margins, &set->seen_multipliers,
                                &set->product};
    bool made = true;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        made = made && (*vectors[i] = pdl_alloc_zero(count, sizeof(double))) != NULL;
    for (size_t i = 0; i < PDL_PAIRS; i++)
        made = made && (set->margin_step[i] = pdl_alloc(count, sizeof(double))) != NULL &&
               (set->multiplier_step[i] = pdl_alloc(count, sizeof(double))) != NULL;
    if (!made) {
        pdl_active_set_close(set);
        return pdl_fail(error, PDL_ENOMEM, "out of memory: margins of %zu samples", full->matrix->rows);
    }
    full->seen_margins = set->seen_margins;
    full->seen_multipliers = set->seen_multipliers;
    return PDL_OK;
}

static void forget_kept(pdl_kept_step *kept)
{
    pdl_free(kept->s);
    pdl_free(kept->column);
    *kept = (pdl_kept_step){0};
}

static void close_narrow(pdl_active_set *set)
{
    pdl_objective_release(&set->objective);
    pdl_selection_close(&set->selection);
    pdl_free(set->scale);
    pdl_free(set->penalty);
    set->scale = set->penalty = NULL;
}

void pdl_active_set_close(pdl_active_set *set)
{
    close_narrow(set);
    pdl_free(set->column);
    pdl_free(set->place);
    pdl_free(set->gram);
    double *const vectors[] = {set->margins, set->multipliers, set->seen_margins, set->seen_multipliers, set->product};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        pdl_free(vectors[i]);
    for (size_t i = 0; i < PDL_PAIRS; i++) {
        pdl_free(set->margin_step[i]);
        pdl_free(set->multiplier_step[i]);
        forget_kept(&set->kept[i]);
    }
    if (set->full != NULL) set->full->seen_margins = set->full->seen_multipliers = NULL;
    *set = (pdl_active_set){0};
}

pdl_objective *pdl_active_set_objective(pdl_active_set *set)
{
    return set->narrowed ? &set->objective : set->full;
}

/* ---- the features of a set --------------------------------------------------------------------------- */

/* An objective over some columns; what it borrows is the caller's. */
static pdl_status open_objective(const pdl_active_set *set, const pdl_matrix *matrix, const uint32_t *column,
                                 double *scale, pdl_objective *objective, pdl_error *error)
{
    for (size_t k = 0; k < matrix->columns; k++) {
        scale[k] = set->full->inverse_deviation[column[k]];
        scale[matrix->columns + k] = set->full->scaled_mean[column[k]];
    }
    *objective = (pdl_objective){.matrix = matrix,
                                 .loss = set->full->loss,
                                 .total_weight = set->full->total_weight,
                                 .inverse_deviation = scale,
                                 .scaled_mean = scale + matrix->columns,
                                 .centred = set->full->centred,
                                 .fit_intercept = set->full->fit_intercept,
                                 .standardization = set->full->standardization,
                                 .l2 = set->full->l2,
                                 .threads = set->full->threads,
                                 .seen_margins = set->seen_margins,
                                 .seen_multipliers = set->seen_multipliers};
    return pdl_objective_prepare(objective, error);
}

/* Makes `column`, which it takes over, the set. */
static pdl_status open_narrow(pdl_active_set *set, uint32_t *column, size_t count, pdl_error *error)
{
    const pdl_matrix *matrix = set->full->matrix;
    size_t n = matrix->sets * count + matrix->sets;
    close_narrow(set);
    pdl_free(set->column);
    set->column = column;
    set->count = count;
    set->narrowed = true;
    for (size_t j = 0; j < matrix->columns; j++)
        set->place[j] = PDL_NO_PLACE;
    for (size_t k = 0; k < count; k++)
        set->place[column[k]] = (uint32_t)k;
    set->scale = pdl_alloc(2 * count, sizeof(double));
    set->penalty = pdl_alloc_zero(n, sizeof(double));
    if (set->scale == NULL || set->penalty == NULL)
        return pdl_fail_memory(error, n * sizeof(double), "a active set of features");
    for (size_t c = 0; c < matrix->sets; c++)
        for (size_t k = 0; k < count; k++)
            set->penalty[c * count + k] = set->l1[c * matrix->columns + column[k]];
    pdl_status status =
        pdl_selection_open(&set->selection, matrix, column, count, set->place, set->full->threads, error);
    if (status != PDL_OK) return status;
    return open_objective(set, &set->selection.matrix, column, set->scale, &set->objective, error);
}

/* ---- vectors from one set of features to another ------------------------------------------------------ */

typedef struct change {
    size_t sets, old_count, count;
    size_t tail;          /* intercepts */
    const uint32_t *from; /* [count] the place in the old set, or PDL_NO_PLACE: 0 then */
    const double *old;
    double *out;
} change;

static void change_set(void *context, size_t c, size_t worker)
{
    (void)worker;
    const change *work = context;
    const double *restrict old = work->old + c * work->old_count;
    double *restrict out = work->out + c * work->count;
    for (size_t k = 0; k < work->count; k++)
        out[k] = work->from[k] != PDL_NO_PLACE ? old[work->from[k]] : 0;
}

/* *vector becomes the same over the new features; *kept, where given, gets the old one, which else is freed. */
static pdl_status change_vector(change *work, size_t threads, double **vector, double **kept, pdl_error *error)
{
    size_t size = work->sets * work->count + work->tail;
    work->old = *vector;
    work->out = pdl_alloc(size, sizeof(double));
    if (work->out == NULL) return pdl_fail_memory(error, size * sizeof(double), "a vector of coefficients");
    pdl_parallel_for(threads, work->sets, change_set, work);
    memcpy(work->out + work->sets * work->count, work->old + work->sets * work->old_count, work->tail * sizeof(double));
    if (kept != NULL)
        *kept = *vector;
    else
        pdl_free(*vector);
    *vector = work->out;
    return PDL_OK;
}

static bool is_live(const pdl_pairs *pairs, size_t slot)
{
    return (pairs->newest + PDL_PAIRS - slot) % PDL_PAIRS < pairs->count;
}

/* Keeps the s of a slot as it is, if nothing older is kept, with the features it is over: column, or NULL for all. */
static pdl_status keep_step(pdl_active_set *set, size_t slot, const uint32_t *column, size_t count, pdl_error *error)
{
    pdl_kept_step *kept = &set->kept[slot];
    if (column != NULL) {
        kept->column = pdl_alloc(count, sizeof *column);
        if (kept->column == NULL) return pdl_fail_memory(error, count * sizeof *column, "features of a step");
        memcpy(kept->column, column, count * sizeof *column);
    }
    kept->count = count;
    return PDL_OK;
}

static pdl_status change_pairs(pdl_active_set *set, change *work, pdl_pairs *pairs, const uint32_t *old_column,
                               bool leaving, pdl_error *error)
{
    pdl_status status = PDL_OK;
    for (size_t i = 0; i < PDL_PAIRS && status == PDL_OK; i++) {
        if (!is_live(pairs, i)) {
            pdl_free(pairs->s[i]);
            pdl_free(pairs->y[i]);
            pairs->s[i] = pairs->y[i] = NULL;
            continue;
        }
        bool keep = leaving && set->kept[i].s == NULL;
        if (keep) status = keep_step(set, i, old_column, work->old_count, error);
        if (status == PDL_OK)
            status = change_vector(work, pairs->threads, &pairs->s[i], keep ? &set->kept[i].s : NULL, error);
        if (status == PDL_OK) status = change_vector(work, pairs->threads, &pairs->y[i], NULL, error);
    }
    return status;
}

/* Makes `column` (taken over) the set, and takes all vectors there. */
static pdl_status change_features(pdl_active_set *set, uint32_t *column, size_t count, bool leaving, pdl_state *state,
                                  pdl_pairs *pairs, pdl_error *error)
{
    const pdl_matrix *matrix = set->full->matrix;
    uint32_t *from = pdl_alloc(count, sizeof *from), *old_column = NULL;
    change work = {matrix->sets, set->count, count, set->full->fit_intercept ? matrix->sets : 0, from, NULL, NULL};
    double **const vectors[] = {&state->x,       &state->gradient,       &state->direction,
                                &state->trial_x, &state->trial_gradient, &state->pseudo};
    pdl_status status = PDL_OK;
    if (from == NULL) {
        pdl_free(column);
        return pdl_fail_memory(error, count * sizeof *from, "places of features");
    }
    for (size_t k = 0; k < count; k++)
        from[k] = set->narrowed ? set->place[column[k]] : column[k];
    old_column = set->column;
    set->column = NULL; /* needed until the pairs have changed */
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors && status == PDL_OK; i++)
        status = change_vector(&work, pairs->threads, vectors[i], NULL, error);
    if (status == PDL_OK) status = change_pairs(set, &work, pairs, old_column, leaving, error);
    if (status == PDL_OK) {
        status = open_narrow(set, column, count, error);
        state->n = pairs->n = work.sets * count + work.tail;
        state->l1 = set->penalty;
    } else {
        pdl_free(column);
    }
    pdl_free(old_column);
    pdl_free(from);
    return status;
}

/* ---- entering ---------------------------------------------------------------------------------------- */

typedef struct screening {
    const pdl_active_set *set;
    const double *sums; /* [stride]: sum of r */
    double *tiles;      /* [threads, tile size] */
    uint8_t *enters;    /* [all features] */
} screening;

/* Whether some class's gradient of a feature outside the set is beyond its penalty, for a tile of features. */
static void screen_tile(void *context, size_t tile, size_t worker)
{
    screening *work = context;
    const pdl_objective *full = work->set->full;
    const pdl_matrix *matrix = full->matrix;
    size_t first = tile * matrix->width, width = pdl_matrix_tile_width(matrix, tile);
    size_t set_step, column_step;
    pdl_matrix_tile_steps(matrix, &set_step, &column_step);
    double *g = work->tiles + worker * pdl_matrix_tile_size(matrix), scale = 1 / full->total_weight;
    memset(g, 0, pdl_matrix_tile_size(matrix) * sizeof *g);
    pdl_matrix_gradient(matrix, tile, 0, matrix->rows, work->set->seen_multipliers, g);
    for (size_t j = 0; j < width; j++) {
        bool beyond = false;
        double u = full->inverse_deviation[first + j], m = full->scaled_mean[first + j];
        for (size_t c = 0; c < matrix->sets; c++) {
            double sum = u * g[c * set_step + j * column_step] - m * work->sums[c];
            beyond |= fabs(scale * sum) > work->set->l1[c * matrix->columns + first + j];
        }
        work->enters[first + j] = beyond && work->set->place[first + j] == PDL_NO_PLACE;
    }
}

/* *entering: [*count] features that join, to be freed. */
static pdl_status screen(const pdl_active_set *set, uint32_t **entering, size_t *count, pdl_error *error)
{
    const pdl_matrix *matrix = set->full->matrix;
    screening work = {.set = set,
                      .sums = set->full->range_sums,
                      .tiles = pdl_alloc(set->full->threads * pdl_matrix_tile_size(matrix), sizeof(double)),
                      .enters = pdl_alloc(matrix->columns, 1)};
    pdl_status status = PDL_OK;
    *entering = NULL;
    *count = 0;
    if (work.tiles == NULL || work.enters == NULL) {
        status = pdl_fail_memory(error, matrix->columns, "the screening of features");
        goto done;
    }
    pdl_objective_sum_multipliers(set->full, set->seen_multipliers);
    pdl_parallel_for(set->full->threads, matrix->tiles, screen_tile, &work);
    for (size_t j = 0; j < matrix->columns; j++)
        *count += work.enters[j];
    *entering = pdl_alloc(*count, sizeof **entering);
    if (*entering == NULL) {
        status = pdl_fail_memory(error, *count * sizeof **entering, "features that enter");
        goto done;
    }
    for (size_t j = 0, k = 0; j < matrix->columns; j++)
        if (work.enters[j]) (*entering)[k++] = (uint32_t)j;
done:
    pdl_free(work.tiles);
    pdl_free(work.enters);
    return status;
}

/* What entering features bring: gradients and pairs, from the samples. */
typedef struct entry {
    pdl_active_set *set;
    const uint32_t *column; /* [count] */
    size_t count;
    pdl_objective objective; /* over them */
    double *part;            /* [sets, count] */
} entry;

static int compare_columns(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

/* s of a slot at a feature that was not in the set. */
static double kept_step_at(const pdl_kept_step *kept, size_t c, uint32_t column)
{
    if (kept->s == NULL) return 0;
    if (kept->column == NULL) return kept->s[c * kept->count + column];
    const uint32_t *found = bsearch(&column, kept->column, kept->count, sizeof column, compare_columns);
    return found != NULL ? kept->s[c * kept->count + (size_t)(found - kept->column)] : 0;
}

/* out (over the set) at the entering features: Z^T multipliers / W + l2 s, s being a kept step or NULL. */
static pdl_status place_combination(entry *work, const double *multipliers, const double *s, double *out,
                                    pdl_error *error)
{
    const pdl_active_set *set = work->set;
    pdl_status status = pdl_objective_combine(&work->objective, multipliers, work->part, error);
    for (size_t c = 0; c < set->full->matrix->sets && status == PDL_OK; c++)
        for (size_t k = 0; k < work->count; k++) {
            size_t at = c * set->count + set->place[work->column[k]];
            out[at] =
                work->part[c * work->count + k] / set->full->total_weight + (s != NULL ? set->full->l2 * s[at] : 0);
        }
    return status;
}

static pdl_status fill_entries(entry *work, pdl_state *state, pdl_pairs *pairs, pdl_error *error)
{
    pdl_active_set *set = work->set;
    pdl_status status = place_combination(work, set->seen_multipliers, NULL, state->gradient, error);
    if (status == PDL_OK) status = place_combination(work, set->multipliers, NULL, state->trial_gradient, error);
    for (size_t i = 0; i < PDL_PAIRS && status == PDL_OK; i++) {
        if (!is_live(pairs, i)) continue;
        for (size_t c = 0; c < set->full->matrix->sets; c++)
            for (size_t k = 0; k < work->count; k++)
                pairs->s[i][c * set->count + set->place[work->column[k]]] =
                    kept_step_at(&set->kept[i], c, work->column[k]);
        status = place_combination(work, set->multiplier_step[i], pairs->s[i], pairs->y[i], error);
    }
    return status;
}

/* The entering features' part of all vectors, which hold 0 there so far. */
static pdl_status bring_entries(pdl_active_set *set, const uint32_t *entering, size_t count, pdl_state *state,
                                pdl_pairs *pairs, pdl_error *error)
{
    const pdl_matrix *matrix = set->full->matrix;
    entry work = {.set = set, .column = entering, .count = count};
    pdl_selection selection = {0};
    pdl_status status = PDL_OK;
    uint32_t *place = pdl_alloc(matrix->columns, sizeof *place);
    double *scale = pdl_alloc(2 * count, sizeof *scale);
    work.part = pdl_alloc(matrix->sets * count, sizeof(double));
    if (place == NULL || scale == NULL || work.part == NULL) {
        status = pdl_fail_memory(error, matrix->sets * count * sizeof(double), "features that enter");
        goto done;
    }
    for (size_t j = 0; j < matrix->columns; j++)
        place[j] = PDL_NO_PLACE;
    for (size_t k = 0; k < count; k++)
        place[entering[k]] = (uint32_t)k;
    status = pdl_selection_open(&selection, matrix, entering, count, place, set->full->threads, error);
    if (status == PDL_OK) status = open_objective(set, &selection.matrix, entering, scale, &work.objective, error);
    if (status == PDL_OK) status = fill_entries(&work, state, pairs, error);
done:
    pdl_objective_release(&work.objective);
    pdl_selection_close(&selection);
    pdl_free(work.part);
    pdl_free(scale);
    pdl_free(place);
    return status;
}

/* The set's features and the entering ones, in order. */
static uint32_t *merge(const pdl_active_set *set, const uint32_t *entering, size_t count)
{
    uint32_t *all = pdl_alloc(set->count + count, sizeof *all);
    for (size_t i = 0, k = 0, out = 0; all != NULL && out < set->count + count; out++)
        all[out] = k == count || (i < set->count && set->column[i] < entering[k]) ? set->column[i++] : entering[k++];
    return all;
}

pdl_status pdl_active_set_enter(pdl_active_set *set, pdl_state *state, pdl_pairs *pairs, pdl_error *error)
{
    uint32_t *entering = NULL, *all = NULL;
    size_t count = 0;
    if (!set->narrowed) return PDL_OK;
    pdl_status status = screen(set, &entering, &count, error);
    if (status == PDL_OK && count > 0) {
        size_t total = set->count + count;
        all = merge(set, entering, count);
        if (all == NULL)
            status = pdl_fail_memory(error, total * sizeof *all, "a active set of features");
        else
            status = change_features(set, all, total, false, state, pairs, error);
        if (status == PDL_OK) status = bring_entries(set, entering, count, state, pairs, error);
    }
    pdl_free(entering);
    return status;
}

/* ---- a pair's products --------------------------------------------------------------------------------- */

void pdl_active_set_start(pdl_active_set *set)
{
    memcpy(set->margins, set->seen_margins, sample_count(set) * sizeof(double));
    memcpy(set->multipliers, set->seen_multipliers, sample_count(set) * sizeof(double));
}

/* change = to - from; from = to */
static void advance(double *restrict from, const double *restrict to, double *restrict step, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        step[k] = to[k] - from[k];
        from[k] = to[k];
    }
}

typedef struct multiplication {
    const pdl_active_set *set;
    const double *step; /* D r */
} multiplication;

/* One row of G D r. */
static void multiply_row(void *context, size_t row, size_t worker)
{
    (void)worker;
    const multiplication *work = context;
    const pdl_active_set *set = work->set;
    size_t rows = set->full->matrix->rows, stride = set->full->matrix->stride;
    const double *gram = set->gram + row * rows;
    double *restrict out = set->product + row * stride;
    memset(out, 0, stride * sizeof *out);
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < stride; c++)
            out[c] += gram[i] * work->step[i * stride + c];
}

/* s_j . y_n, s_n . y_j and y_j . y_n by the head's formulas, n the newest. */
static void take_products(const pdl_active_set *set, pdl_pairs *pairs, size_t j)
{
    size_t n = pairs->newest, count = sample_count(set), sets = set->full->matrix->sets, tail = sets * set->count;
    double scale = 1 / set->full->total_weight, l2 = set->full->l2;
    double jn = scale * pdl_piece_dot(set->margin_step[j], set->multiplier_step[n], 0, count);
    double nj = scale * pdl_piece_dot(set->margin_step[n], set->multiplier_step[j], 0, count);
    double both = scale * scale * pdl_piece_dot(set->multiplier_step[j], set->product, 0, count);
    double ss = pairs->ss[j], sy = 0, ys = 0, yy = 0;
    for (size_t c = 0; c < sets && set->full->fit_intercept; c++) {
        ss -= pairs->s[j][tail + c] * pairs->s[n][tail + c];
        sy += pairs->s[j][tail + c] * pairs->y[n][tail + c];
        ys += pairs->s[n][tail + c] * pairs->y[j][tail + c];
        yy += pairs->y[j][tail + c] * pairs->y[n][tail + c];
    }
    pairs->sy[j][n] = jn + l2 * ss + sy;
    pairs->sy[n][j] = nj + l2 * ss + ys;
    pairs->yy[j][n] = pairs->yy[n][j] = both + l2 * (jn + nj) + l2 * l2 * ss + yy;
}

void pdl_active_set_note_pair(pdl_active_set *set, pdl_pairs *pairs)
{
    size_t slot = pairs->newest, count = sample_count(set);
    advance(set->margins, set->seen_margins, set->margin_step[slot], count);
    advance(set->multipliers, set->seen_multipliers, set->multiplier_step[slot], count);
    forget_kept(&set->kept[slot]);
    if (!set->narrowed) return;
    multiplication work = {set, set->multiplier_step[slot]};
    pdl_parallel_for(set->full->threads, set->full->matrix->rows, multiply_row, &work);
    for (size_t i = 0; i < PDL_PAIRS; i++)
        if (is_live(pairs, i)) take_products(set, pairs, i);
}

/* ---- leaving ------------------------------------------------------------------------------------------ */

/* Marks the features of the set that are not idle; returns how many. */
static size_t mark_active(const pdl_active_set *set, const pdl_state *state, uint8_t *active)
{
    size_t number = 0;
    memset(active, 0, set->count);
    for (size_t c = 0; c < set->full->matrix->sets; c++) {
        const double *restrict x = state->x + c * set->count, *restrict pseudo = state->pseudo + c * set->count;
        for (size_t k = 0; k < set->count; k++)
            active[k] |= (uint8_t)((x[k] != 0) | (pseudo[k] != 0));
    }
    for (size_t k = 0; k < set->count; k++)
        number += active[k];
    return number;
}

/* Whether a smaller set would pay: for a first one, G has to be worth the iterations that are left. */
static bool pays(const pdl_active_set *set, size_t active, size_t iteration)
{
    const pdl_matrix *matrix = set->full->matrix;
    double share = set->narrowed ? LATER_SHARE : matrix->sparse != NULL ? SPARSE_SHARE : DENSE_SHARE;
    if ((double)active > share * (double)set->count || iteration >= set->max_iterations) return false;
    double left = (double)(set->max_iterations - iteration);
    return set->narrowed ||
           (left >= FEWEST_LEFT && pdl_gram_cost(matrix) <= 2 * (double)matrix->rows * (double)matrix->sets * left);
}

static pdl_status leave(pdl_active_set *set, const uint8_t *active, size_t number, pdl_state *state, pdl_pairs *pairs,
                        pdl_error *error)
{
    const pdl_matrix *matrix = set->full->matrix;
    uint32_t *column = pdl_alloc(number, sizeof *column);
    if (set->place == NULL) set->place = pdl_alloc(matrix->columns, sizeof *set->place);
    if (column == NULL || set->place == NULL) {
        pdl_free(column);
        return pdl_fail_memory(error, matrix->columns * sizeof *column, "a active set of features");
    }
    for (size_t k = 0, out = 0; k < set->count; k++)
        if (active[k]) column[out++] = set->narrowed ? set->column[k] : (uint32_t)k;
    return change_features(set, column, number, true, state, pairs, error);
}

pdl_status pdl_active_set_leave(pdl_active_set *set, pdl_state *state, pdl_pairs *pairs, pdl_error *error)
{
    uint8_t *active = pdl_alloc(set->count, 1);
    if (active == NULL) return pdl_fail_memory(error, set->count, "marks of features");
    size_t number = mark_active(set, state, active);
    if (number == 0) number = active[0] = 1; /* a set is not empty */
    pdl_status status = PDL_OK;
    if (pays(set, number, state->iteration)) {
        if (set->gram == NULL) status = pdl_gram_compute(set->full, &set->gram, error);
        if (status == PDL_OK) status = leave(set, active, number, state, pairs, error);
    }
    pdl_free(active);
    return status;
}

/* ------------------------------------------------------------------------------------------------------ */

void pdl_active_set_expand(const pdl_active_set *set, const pdl_state *state, double *x)
{
    const pdl_matrix *matrix = set->full->matrix;
    size_t all = matrix->columns, tail = state->n - matrix->sets * set->count;
    if (!set->narrowed) {
        memcpy(x, state->x, state->n * sizeof *x);
        return;
    }
    memset(x, 0, matrix->sets * all * sizeof *x);
    for (size_t c = 0; c < matrix->sets; c++)
        for (size_t k = 0; k < set->count; k++)
            x[c * all + set->column[k]] = state->x[c * set->count + k];
    memcpy(x + matrix->sets * all, state->x + matrix->sets * set->count, tail * sizeof *x);
}
