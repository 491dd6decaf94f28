/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/lbfgs.h"

#include "base/memory.h"
#include "base/status.h"
#include "linear/vector.h"

#include <math.h>
#include <string.h>

typedef struct difference {
    const double *from, *to;
    double *out;
} difference;

static double difference_piece(const void *context, size_t first, size_t last)
{
    const difference *on = context;
    const double *restrict from = on->from, *restrict to = on->to;
    double *restrict out = on->out;
    for (size_t k = first; k < last; k++)
        out[k] = to[k] - from[k];
    return 0;
}

pdl_status pdl_pairs_add(pdl_pairs *pairs, const double *x_old, const double *x_new, const double *g_old,
                         const double *g_new, pdl_error *error)
{
    size_t n = pairs->n, threads = pairs->threads;
    size_t slot = pairs->count == 0 ? 0 : (pairs->newest + 1) % PDL_PAIRS;
    if (pairs->s[slot] == NULL) pairs->s[slot] = pdl_alloc(n, sizeof(double));
    if (pairs->y[slot] == NULL) pairs->y[slot] = pdl_alloc(n, sizeof(double));
    double *s = pairs->s[slot], *y = pairs->y[slot];
    if (s == NULL || y == NULL) return pdl_fail_memory(error, n * sizeof(double), "the solver's memory");
    pdl_vector_run(threads, n, difference_piece, &(difference){x_old, x_new, s});
    pdl_vector_run(threads, n, difference_piece, &(difference){g_old, g_new, y});
    pairs->sy[slot] = pdl_vector_dot(threads, n, s, y);
    pairs->yy = pdl_vector_dot(threads, n, y, y);
    pairs->newest = slot;
    if (pairs->count < PDL_PAIRS) pairs->count++;
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

/* Slot of the pair that is `age` steps older than the newest. */
static size_t slot_of(const pdl_pairs *pairs, size_t age)
{
    return (pairs->newest + PDL_PAIRS - age) % PDL_PAIRS;
}

typedef struct scaling {
    double factor;
    double *q;
} scaling;

static double scale_piece(const void *context, size_t first, size_t last)
{
    const scaling *on = context;
    for (size_t k = first; k < last; k++)
        on->q[k] *= on->factor;
    return 0;
}

bool pdl_pairs_direction(const pdl_pairs *pairs, const double *v, double *q)
{
    size_t n = pairs->n, threads = pairs->threads, count = pairs->count;
    double a[PDL_PAIRS], gamma = 1;
    memcpy(q, v, n * sizeof *q);
    if (count > 0) {
        double sy = pairs->sy[pairs->newest], dot = pdl_vector_dot(threads, n, pairs->s[pairs->newest], q);
        if (!(sy >= 0)) return false;
        gamma = sy / pairs->yy;
        for (size_t age = 0; age < count; age++) {
            size_t slot = slot_of(pairs, age);
            a[age] = dot / pairs->sy[slot];
            if (isnan(a[age])) return false;
            const double *next = age + 1 < count ? pairs->s[slot_of(pairs, age + 1)] : NULL;
            dot = pdl_vector_add_dot(threads, n, q, -a[age], pairs->y[slot], next);
        }
    }
    /* The sign goes with the scaling: from here on q is the direction itself. */
    pdl_vector_run(threads, n, scale_piece, &(scaling){-gamma, q});
    if (count == 0) return true;
    double dot = pdl_vector_dot(threads, n, pairs->y[slot_of(pairs, count - 1)], q);
    for (size_t age = count; age-- > 0;) {
        size_t slot = slot_of(pairs, age);
        const double *next = age > 0 ? pairs->y[slot_of(pairs, age - 1)] : NULL;
        dot = pdl_vector_add_dot(threads, n, q, -(a[age] + dot / pairs->sy[slot]), pairs->s[slot], next);
    }
    return true;
}
