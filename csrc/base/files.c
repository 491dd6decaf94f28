/* Arrays from a file, by all threads: one alone copies slower than memory could. SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L /* pread */
#define _FILE_OFFSET_BITS 64
#include "base/sizes.h"
#include "base/status.h"
#include "base/threads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE ((size_t)1 << 17) /* floats that a thread reads at once: in its L2 cache when they are looked at */

/* Floats [first, first + count) of an array. */
typedef struct piece {
    size_t array, first, count;
    bool sound;
} piece;

typedef struct reading {
    int file;
    const pdl_stored_floats *arrays;
    piece *pieces;
} reading;

static bool read_bytes(int file, char *to, size_t bytes, int64_t offset)
{
    while (bytes > 0) {
        ssize_t got = pread(file, to, bytes, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        to += got;
        bytes -= (size_t)got;
        offset += got;
    }
    return true;
}

/* Infinities, and what is not a number, have all bits of the exponent set. */
static bool all_finite(const float *values, size_t count)
{
    uint32_t special = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        special |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return special == 0;
}

static void read_piece(void *context, size_t index, size_t worker)
{
    (void)worker;
    const reading *r = context;
    piece *part = &r->pieces[index];
    const pdl_stored_floats *array = &r->arrays[part->array];
    float *to = array->values + part->first;
    int64_t offset = array->offset + (int64_t)(part->first * sizeof(float));
    part->sound = read_bytes(r->file, (char *)to, part->count * sizeof *to, offset) && all_finite(to, part->count);
}

pdl_status pdl_read_floats(int file, pdl_stored_floats *arrays, size_t n, size_t threads, pdl_error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        count += pdl_size_div_up(arrays[i].count, PIECE);
    reading r = {.file = file, .arrays = arrays, .pieces = malloc((count + 1) * sizeof *r.pieces)};
    if (r.pieces == NULL) return pdl_fail_memory(error, count * sizeof *r.pieces, "the reading of arrays");
    size_t next = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t first = 0; first < arrays[i].count; first += PIECE)
            r.pieces[next++] = (piece){i, first, pdl_size_min(arrays[i].count - first, PIECE), false};
    pdl_parallel_for(threads, count, read_piece, &r);
    for (size_t i = 0; i < n; i++)
        arrays[i].sound = 1;
    for (size_t i = 0; i < count; i++)
        if (!r.pieces[i].sound) arrays[r.pieces[i].array].sound = 0;
    free(r.pieces);
    return PDL_OK;
}
