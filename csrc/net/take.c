/* The weights a network keeps: the caller's, times what batch norms multiply them by. SPDX-License-Identifier:
 * Apache-2.0
 *
 * One pass by all threads: it is memory that limits it, and the faults of memory that is new. */
#include "base/memory.h"
#include "base/status.h"
#include "base/threads.h"
#include "net/fuse.h"

#include <stdlib.h>
#include <string.h>

#define PIECE ((size_t)1 << 16) /* weights of a task, rounded to whole channels */

/* Weights [first, first + count) of an operation. */
typedef struct piece {
    pdl_op *op;
    size_t first, count, channels;
} piece;

/* The channel is the last index of every weight layout. */
static void take_piece(void *context, size_t index, size_t worker)
{
    (void)worker;
    const piece *part = &((const piece *)context)[index];
    const pdl_op *op = part->op;
    float *to = op->weight + part->first;
    const float *from = op->given == NULL ? to : op->given + part->first;
    if (op->scale == NULL) {
        memcpy(to, from, part->count * sizeof *to);
        return;
    }
    for (size_t i = 0; i < part->count; i += part->channels)
        for (size_t c = 0; c < part->channels; c++)
            to[i + c] = (float)(from[i + c] * op->scale[c]);
}

/* Whether anything is to be done: some weights are there already, in another order than they were given. */
static bool has_work(const pdl_op *op)
{
    return op->given != NULL || (op->weight != NULL && op->scale != NULL);
}

static size_t piece_size(size_t channels)
{
    return channels < PIECE ? PIECE / channels * channels : channels;
}

/* Allocates, and lists the tasks; *count of them. */
static pdl_status cut(pdl_program *program, piece **out, size_t *count, pdl_error *error)
{
    size_t room = 1;
    for (size_t i = 0; i < program->op_count; i++) {
        const pdl_op *op = &program->ops[i];
        if (has_work(op)) room += op->weights / piece_size(program->values[op->output].channels) + 1;
    }
    piece *pieces = calloc(room, sizeof *pieces);
    if (pieces == NULL) return pdl_fail_memory(error, room * sizeof *pieces, "a network's weights");
    *out = pieces;
    for (size_t i = 0; i < program->op_count; i++) {
        pdl_op *op = &program->ops[i];
        size_t channels = program->values[op->output].channels, size = piece_size(channels);
        if (!has_work(op)) continue;
        if (op->weight == NULL) op->weight = pdl_alloc(op->weights, sizeof *op->weight);
        if (op->weight == NULL) return pdl_fail_memory(error, op->weights * sizeof *op->weight, op->layer);
        for (size_t first = 0; first < op->weights; first += size)
            pieces[(*count)++] = (piece){op, first, pdl_size_min(op->weights - first, size), channels};
    }
    return PDL_OK;
}

/* An affine's scale stays. */
static void settle(pdl_program *program)
{
    for (size_t i = 0; i < program->op_count; i++) {
        pdl_op *op = &program->ops[i];
        if (!has_work(op)) continue;
        op->given = NULL;
        pdl_free(op->scale);
        op->scale = NULL;
    }
}

pdl_status pdl_take_weights(pdl_program *program, size_t threads, pdl_error *error)
{
    piece *pieces = NULL;
    size_t count = 0;
    pdl_status status = cut(program, &pieces, &count, error);
    if (status == PDL_OK) {
        pdl_parallel_for(threads, count, take_piece, pieces);
        settle(program);
    }
    free(pieces);
    return status;
}
