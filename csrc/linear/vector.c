/* SPDX-License-Identifier: Apache-2.0 */
#include "linear/vector.h"

#include "base/threads.h"

#include <math.h>

#define MAX_PIECES 64
#define MIN_PIECE 16384 /* elements: less is not worth a thread's waking */
#define LANES 8         /* partial sums, which the compiler keeps in vectors */

typedef struct run {
    pdl_piece body;
    const void *context;
    size_t n, piece;
    double sums[MAX_PIECES];
} run;

static void run_piece(void *context, size_t index, size_t worker)
{
    (void)worker;
    run *work = context;
    size_t first = index * work->piece, last = first + work->piece;
    work->sums[index] = work->body(work->context, first, last < work->n ? last : work->n);
}

double pdl_vector_run(size_t threads, size_t n, pdl_piece body, const void *context)
{
    if (n <= MIN_PIECE) return body(context, 0, n);
    run work = {.body = body, .context = context, .n = n};
    work.piece = (n + MAX_PIECES - 1) / MAX_PIECES;
    if (work.piece < MIN_PIECE) work.piece = MIN_PIECE;
    work.piece = (work.piece + LANES - 1) / LANES * LANES;
    size_t pieces = (n + work.piece - 1) / work.piece;
    pdl_parallel_for(threads, pieces, run_piece, &work);
    double sum = 0;
    for (size_t i = 0; i < pieces; i++)
        sum += work.sums[i];
    return sum;
}

double pdl_piece_dot(const double *restrict a, const double *restrict b, size_t first, size_t last)
{
    double lane[LANES] = {0}, rest = 0;
    size_t k = first;
    for (; k + LANES <= last; k += LANES)
        for (size_t l = 0; l < LANES; l++)
            lane[l] += a[k + l] * b[k + l];
    for (; k < last; k++)
        rest += a[k] * b[k];
    for (size_t l = 0; l < LANES; l++)
        rest += lane[l];
    return rest;
}

typedef struct operands {
    const double *a, *b, *c;
    double *out;
    double t;
} operands;

static double dot_piece(const void *context, size_t first, size_t last)
{
    const operands *on = context;
    return pdl_piece_dot(on->a, on->b, first, last);
}

static double step_piece(const void *context, size_t first, size_t last)
{
    const operands *on = context;
    const double *restrict a = on->a, *restrict b = on->b;
    double *restrict out = on->out;
    double t = on->t;
    for (size_t k = first; k < last; k++)
        out[k] = a[k] + t * b[k];
    return 0;
}

static double add_dot_piece(const void *context, size_t first, size_t last)
{
    const operands *on = context;
    const double *restrict b = on->b, *restrict c = on->c;
    double *restrict out = on->out;
    double t = on->t, lane[LANES] = {0}, rest = 0;
    if (c == NULL) {
        for (size_t k = first; k < last; k++)
            out[k] += t * b[k];
        return 0;
    }
    size_t k = first;
    for (; k + LANES <= last; k += LANES)
        for (size_t l = 0; l < LANES; l++) {
            out[k + l] += t * b[k + l];
            lane[l] += out[k + l] * c[k + l];
        }
    for (; k < last; k++) {
        out[k] += t * b[k];
        rest += out[k] * c[k];
    }
    for (size_t l = 0; l < LANES; l++)
        rest += lane[l];
    return rest;
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

double pdl_vector_add_dot(size_t threads, size_t n, double *a, double t, const double *b, const double *c)
{
    operands on = {.b = b, .c = c, .out = a, .t = t};
    return pdl_vector_run(threads, n, add_dot_piece, &on);
}
