/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/vector.h"

#include "base/threads.h"

#include <math.h>

#define MIN_PIECE 16384 /* elements: less is not worth a thread's waking */

typedef struct run {
    pdl_piece body;
    const void *context;
    size_t n, piece;
    double sums[PDL_MAX_PIECES];
} run;

static void run_piece(void *context, size_t index, size_t worker)
{
    (void)worker;
    run *work = context;
    size_t first = index * work->piece, last = first + work->piece;
    work->sums[index] = work->body(work->context, first, last < work->n ? last : work->n);
}

size_t pdl_vector_pieces(size_t n, size_t *piece)
{
    *piece = (n + PDL_MAX_PIECES - 1) / PDL_MAX_PIECES;
    if (*piece < MIN_PIECE) *piece = MIN_PIECE;
    *piece = (*piece + PDL_LANES - 1) / PDL_LANES * PDL_LANES;
    return (n + *piece - 1) / *piece;
}

double pdl_vector_run(size_t threads, size_t n, pdl_piece body, const void *context)
{
    if (n <= MIN_PIECE) return body(context, 0, n);
    run work = {.body = body, .context = context, .n = n};
    size_t pieces = pdl_vector_pieces(n, &work.piece);
    pdl_parallel_for(threads, pieces, run_piece, &work);
    double sum = 0;
    for (size_t i = 0; i < pieces; i++)
        sum += work.sums[i];
    return sum;
}

PDL_CLONES double pdl_piece_dot(const double *restrict a, const double *restrict b, size_t first, size_t last)
{
    pdl_lanes sum = {0};
    size_t k = first;
    for (; k + PDL_LANES <= last; k += PDL_LANES)
        sum += PDL_LOAD(a + k) * PDL_LOAD(b + k);
    for (size_t l = 0; k < last; k++, l++)
        sum[l] += a[k] * b[k];
    return PDL_LANE_SUM(sum);
}

PDL_CLONES double pdl_block_sum(const double *a, size_t count)
{
    pdl_lanes sum = {0};
    size_t k = 0;
    for (; k + PDL_LANES <= count; k += PDL_LANES)
        sum += PDL_LOAD(a + k);
    for (size_t l = 0; k < count; k++, l++)
        sum[l] += a[k];
    return PDL_LANE_SUM(sum);
}

typedef struct operands {
    const double *a, *b;
    double *out;
    double t;
} operands;

static double dot_piece(const void *context, size_t first, size_t last)
{
    const operands *on = context;
    return pdl_piece_dot(on->a, on->b, first, last);
}

PDL_CLONES static double step_piece(const void *context, size_t first, size_t last)
{
    const operands *on = context;
    const double *restrict a = on->a, *restrict b = on->b;
    double *restrict out = on->out;
    double t = on->t;
    for (size_t k = first; k < last; k++)
        out[k] = a[k] + t * b[k];
    return 0;
}

double pdl_vector_dot(size_t threads, size_t n, const double *a, const double *b)
{
    operands on = {.a = a, .b = b};
    return pdl_vector_run(threads, n, dot_piece, &on);
}

double pdl_vector_norm(size_t threads, size_t n, const double *a)
{
    return sqrt(pdl_vector_dot(threads, n, a, a));
}

void pdl_vector_step(size_t threads, size_t n, const double *a, double t, const double *b, double *out)
{
    operands on = {.a = a, .b = b, .out = out, .t = t};
    pdl_vector_run(threads, n, step_piece, &on);
}
