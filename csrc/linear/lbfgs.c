/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/lbfgs.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"
#include "linear/vector.h"

#include <math.h>

#define BLOCK 1024 /* elements of the new vectors that wait in an L1 cache while the memory streams past */

/* ---- adding a pair ----------------------------------------------------------------------------------- */

/* One piece's inner products, by slots. */
typedef struct products {
    double sy[PDL_PAIRS], ys[PDL_PAIRS], yy[PDL_PAIRS]; /* s.y_j, y.s_j, y.y_j of the new pair */
    double sv[PDL_PAIRS], yv[PDL_PAIRS], ss[PDL_PAIRS]; /* s_j.v, y_j.v, s_j.s */
} products;

typedef struct adding {
    const pdl_pairs *pairs; /* the new pair's slot is the newest already */
    const pdl_move *move;
    size_t piece;
    products of_piece[PDL_MAX_PIECES];
} adding;

PDL_CLONES static void subtract(const double *restrict a, const double *restrict b, double *restrict out, size_t count)
{
    for (size_t k = 0; k < count; k++)
        out[k] = a[k] - b[k];
}

/* Adds h.s, h.y and h.v to hs, hy and hv. */
PDL_CLONES static void three_dots(const double *restrict h, const double *restrict s, const double *restrict y,
                                  const double *restrict v, size_t count, double *hs, double *hy, double *hv)
{
    pdl_lanes with_s = {0}, with_y = {0}, with_v = {0};
    size_t k = 0;
    for (; k + PDL_LANES <= count; k += PDL_LANES) {
        pdl_lanes held = PDL_LOAD(h + k);
        with_s += held * PDL_LOAD(s + k);
        with_y += held * PDL_LOAD(y + k);
        with_v += held * PDL_LOAD(v + k);
    }
    for (size_t l = 0; k < count; k++, l++) {
        with_s[l] += h[k] * s[k];
        with_y[l] += h[k] * y[k];
        with_v[l] += h[k] * v[k];
    }
    *hs += PDL_LANE_SUM(with_s);
    *hy += PDL_LANE_SUM(with_y);
    *hv += PDL_LANE_SUM(with_v);
}

static void add_piece(void *context, size_t index, size_t worker)
{
    (void)worker;
    adding *work = context;
    const pdl_pairs *pairs = work->pairs;
    const pdl_move *move = work->move;
    double *s = pairs->s[pairs->newest], *y = pairs->y[pairs->newest];
    products sums = {0};
    size_t last = (index + 1) * work->piece < pairs->n ? (index + 1) * work->piece : pairs->n;
    for (size_t k = index * work->piece; k < last; k += BLOCK) {
        size_t count = last - k < BLOCK ? last - k : BLOCK;
        subtract(move->x_new + k, move->x_old + k, s + k, count);
        subtract(move->g_new + k, move->g_old + k, y + k, count);
        for (size_t j = 0; j < pairs->count; j++) {
            three_dots(pairs->y[j] + k, s + k, y + k, move->v + k, count, &sums.sy[j], &sums.yy[j], &sums.yv[j]);
            three_dots(pairs->s[j] + k, s + k, y + k, move->v + k, count, &sums.ss[j], &sums.ys[j], &sums.sv[j]);
        }
    }
    work->of_piece[index] = sums;
}

/* Takes the new pair's products into the tables: the pieces' sums in order. */
static void collect_products(pdl_pairs *pairs, const adding *work, size_t pieces)
{
    size_t slot = pairs->newest;
    for (size_t j = 0; j < pairs->count; j++) {
        double sy = 0, ys = 0, yy = 0, sv = 0, yv = 0, ss = 0;
        for (size_t p = 0; p < pieces; p++) {
            const products *sums = &work->of_piece[p];
            sy += sums->sy[j];
            ys += sums->ys[j];
            yy += sums->yy[j];
            sv += sums->sv[j];
            yv += sums->yv[j];
            ss += sums->ss[j];
        }
        pairs->sy[j][slot] = ys;
        pairs->sy[slot][j] = sy;
        pairs->yy[j][slot] = pairs->yy[slot][j] = yy;
        pairs->sv[j] = sv;
        pairs->yv[j] = yv;
        pairs->ss[j] = ss;
    }
}

pdl_status pdl_pairs_add(pdl_pairs *pairs, const pdl_move *move, pdl_error *error)
{
    size_t slot = pairs->count == 0 ? 0 : (pairs->newest + 1) % PDL_PAIRS;
    if (pairs->s[slot] == NULL) pairs->s[slot] = pdl_alloc(pairs->n, sizeof(double));
    if (pairs->y[slot] == NULL) pairs->y[slot] = pdl_alloc(pairs->n, sizeof(double));
    if (pairs->s[slot] == NULL || pairs->y[slot] == NULL)
        return pdl_fail_memory(error, pairs->n * sizeof(double), "the solver's memory");
    pairs->newest = slot;
    if (pairs->count < PDL_PAIRS) pairs->count++;
    adding work = {.pairs = pairs, .move = move};
    size_t pieces = pdl_vector_pieces(pairs->n, &work.piece);
    pdl_parallel_for(pairs->threads, pieces, add_piece, &work);
    collect_products(pairs, &work, pieces);
    return PDL_OK;
}

void pdl_pairs_clear(pdl_pairs *pairs)
{
    pairs->count = 0;
}

void pdl_pairs_free(pdl_pairs *pairs)
{
    for (size_t i = 0; i < PDL_PAIRS; i++) {
        pdl_free(pairs->s[i]);
        pdl_free(pairs->y[i]);
    }
}

/* ---- the direction ----------------------------------------------------------------------------------- */

/* Slot of the pair that is `age` steps older than the newest. */
static size_t slot_of(const pdl_pairs *pairs, size_t age)
{
    return (pairs->newest + PDL_PAIRS - age) % PDL_PAIRS;
}

/* direction = v_factor v + sum_j (s_factor[j] s_j + y_factor[j] y_j), j over slots */
typedef struct combination {
    const pdl_pairs *pairs;
    const double *v;
    double *direction;
    bool opposed;
    double v_factor, s_factor[PDL_PAIRS], y_factor[PDL_PAIRS];
} combination;

static bool find_factors(const pdl_pairs *pairs, combination *to)
{
    double a[PDL_PAIRS], c[PDL_PAIRS]; /* by slots */
    size_t newest = pairs->newest;
    if (!(pairs->sy[newest][newest] >= 0)) return false;
    double gamma = pairs->sy[newest][newest] / pairs->yy[newest][newest];
    for (size_t age = 0; age < pairs->count; age++) {
        size_t i = slot_of(pairs, age);
        double sq = pairs->sv[i];
        for (size_t newer = 0; newer < age; newer++)
            sq -= a[slot_of(pairs, newer)] * pairs->sy[i][slot_of(pairs, newer)];
        a[i] = sq / pairs->sy[i][i];
        if (isnan(a[i])) return false;
    }
    for (size_t age = pairs->count; age-- > 0;) {
        size_t i = slot_of(pairs, age);
        double yq = pairs->yv[i];
        for (size_t j = 0; j < pairs->count; j++)
            yq -= a[j] * pairs->yy[i][j];
        yq *= gamma;
        for (size_t older = age + 1; older < pairs->count; older++)
            yq += c[slot_of(pairs, older)] * pairs->sy[slot_of(pairs, older)][i];
        c[i] = a[i] - yq / pairs->sy[i][i];
    }
    to->v_factor = -gamma;
    for (size_t j = 0; j < pairs->count; j++) {
        to->y_factor[j] = gamma * a[j];
        to->s_factor[j] = -c[j];
    }
    return true;
}

PDL_CLONES static void scale(const double *restrict v, double factor, double *restrict out, size_t count)
{
    for (size_t k = 0; k < count; k++)
        out[k] = factor * v[k];
}

PDL_CLONES static void add_two(const double *restrict s, double s_factor, const double *restrict y, double y_factor,
                               double *restrict out, size_t count)
{
    for (size_t k = 0; k < count; k++)
        out[k] += s_factor * s[k] + y_factor * y[k];
}

PDL_CLONES static void oppose(const double *restrict v, double *restrict out, size_t count)
{
    for (size_t k = 0; k < count; k++)
        out[k] = out[k] * v[k] < 0 ? out[k] : 0;
}

static double combine_piece(const void *context, size_t first, size_t last)
{
    const combination *on = context;
    double slope = 0;
    for (size_t k = first; k < last; k += BLOCK) {
        size_t count = last - k < BLOCK ? last - k : BLOCK;
        scale(on->v + k, on->v_factor, on->direction + k, count);
        for (size_t j = 0; j < on->pairs->count; j++)
            add_two(on->pairs->s[j] + k, on->s_factor[j], on->pairs->y[j] + k, on->y_factor[j], on->direction + k,
                    count);
        if (on->opposed) oppose(on->v + k, on->direction + k, count);
        slope += pdl_piece_dot(on->v, on->direction, k, k + count);
    }
    return slope;
}

bool pdl_pairs_direction(const pdl_pairs *pairs, const double *v, bool opposed, double *direction, double *slope)
{
    combination work = {.pairs = pairs, .v = v, .direction = direction, .opposed = opposed, .v_factor = -1};
    if (pairs->count > 0 && !find_factors(pairs, &work)) return false;
    *slope = pdl_vector_run(pairs->threads, pairs->n, combine_piece, &work);
    return true;
}
