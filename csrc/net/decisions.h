/* What trials have decided, kept in a file. SPDX-License-Identifier: Apache-2.0
 *
 * The file is text that is only ever appended to, a line a decision:
 *
 *     <machine> <question> <answer>        cf2fd3b1a2c0e6ab 1x1-s1x1-d1x1-p0.0.0.0-8x35x35x192-64-t2-f32 pdl:pointwise
 *
 * The first answer to a question stands, whoever gave it: what a machine has decided once does not change. Lines that
 * are cut short or damaged answer nothing. `machine` is a hash of the processor's model, the vector extensions in use
 * and oneDNN's version, so that a folder may be shared by unlike machines. */
#ifndef PDL_NET_DECISIONS_H
#define PDL_NET_DECISIONS_H

#include "net/simd/simd.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pdl_decisions {
    int file;
    uint64_t machine;
    char *text;       /* the file's, then what was added; NUL-terminated */
    size_t kept, end; /* bytes of text that are in the file, and in all */
} pdl_decisions;

#define PDL_MAX_QUESTION 160

/* What is clearly faster takes at most this share of the time of what the estimate would take. */
#define PDL_CLEARLY 0.93

/* FNV-1a (G. Fowler, L. C. Noll, K.-P. Vo), to be called for part after part; the first one's seed. */
#define PDL_HASH_SEED 0xcbf29ce484222325u
uint64_t pdl_hash(const void *data, size_t size, uint64_t seed);

/* False where decisions cannot be kept: no such folder, not writable, or a file of the size where it ends. */
bool pdl_decisions_open(pdl_decisions *decisions, const char *path, pdl_simd simd);

/* Whether the question was answered; `answer` has room for `size` bytes. */
bool pdl_decisions_find(const pdl_decisions *decisions, const char *question, char *answer, size_t size);

/* To be found from now on; without memory nothing is added. */
void pdl_decisions_add(pdl_decisions *decisions, const char *question, const char *answer);

/* Writes what was added. */
void pdl_decisions_close(pdl_decisions *decisions);

#endif
