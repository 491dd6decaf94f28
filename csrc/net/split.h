/* A batch prepared as one network on all threads, or as several side by side. SPDX-License-Identifier: Apache-2.0
 *
 *     8 images on 4 threads    1 stream:  | 8 images, 4 threads |
 *                              2 streams: | 4 images, 2 threads | 4 images, 2 threads |
 *
 * The threads of a stream wait for each other at every layer's end, those of different streams never: the more threads,
 * the more is won by streams. Weights are shared, working memory is not; a part of the batch needs as much less of it.
 * Every layer's algorithm is chosen for the whole batch on all threads, so that features do not depend on the streams,
 * but for the last bits of dense layers, whose sums oneDNN shares out by batch and threads. */
#ifndef PDL_NET_SPLIT_H
#define PDL_NET_SPLIT_H

#include "net/prepared.h"
#include "net/streams.h"

/* Working memory of a stream, for whatever batch size runs. */
typedef struct pdl_room {
    void *arena, *scratch;
    size_t arena_bytes, scratch_bytes;
} pdl_room;

typedef struct pdl_split {
    size_t batch, threads, streams;
    pdl_prepared *part[]; /* alike: batch / streams images each, on threads / streams threads */
} pdl_split;

/* What a run reads and writes: the whole batch. */
typedef struct pdl_batch {
    const uint8_t *images; /* or */
    const float *input;
    float *output;
} pdl_batch;

/* The most streams, `wanted` of them at most, whose shares of batch and threads are whole. */
size_t pdl_split_fit(size_t batch, size_t threads, size_t wanted);

/* On the engine's thread, as are the next two: setting->streams says how many, of those that fit; 0: trials do, see
 * split_trial.h. */
pdl_status pdl_split_create(const pdl_engine *engine, pdl_program *program, const pdl_setting *setting, pdl_split **out,
                            pdl_error *error);
/* The same with algorithms that are chosen already, as so many streams, which fit. */
pdl_status pdl_split_create_as(const pdl_engine *engine, pdl_program *program, const pdl_setting *setting,
                               const pdl_choice *choices, size_t streams, pdl_split **out, pdl_error *error);
void pdl_split_destroy(pdl_split *split);

/* Has room for every stream of the split. */
pdl_status pdl_split_make_room(const pdl_split *split, pdl_room rooms[PDL_MAX_STREAMS], pdl_error *error);
void pdl_rooms_clear(pdl_room rooms[PDL_MAX_STREAMS]);

/* On the engine's thread: runs the batch in the rooms. */
pdl_status pdl_split_run(const pdl_engine *engine, const pdl_program *program, pdl_preprocess preprocess,
                         const pdl_split *split, const pdl_room *rooms, const pdl_batch *batch, pdl_error *error);

#endif
