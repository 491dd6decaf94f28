/* The thread that does all of oneDNN's work. SPDX-License-Identifier: Apache-2.0
 *
 * oneDNN's threads are an OpenMP team, and GNU OpenMP keeps one team for every thread that starts a parallel region,
 * which a forked child inherits as a ruin. So the core has one thread of its own that creates and runs all
 * primitives: callers take turns, there is one team however many threads call, and a child after fork starts
 * the engine anew. A fork waits for the call that is running. */
#ifndef PDL_NET_ENGINE_H
#define PDL_NET_ENGINE_H

#include "pydeepl.h"

#include <dnnl.h>

/* What a call on the engine's thread gets: oneDNN's CPU engine and an in-order stream on it. */
typedef struct pdl_engine {
    dnnl_engine_t cpu;
    dnnl_stream_t stream;
} pdl_engine;

typedef pdl_status (*pdl_engine_task)(const pdl_engine *engine, void *context, pdl_error *error);

/* Runs the task on the engine's thread with a team of `threads` (0 = default) and waits for its end. */
pdl_status pdl_engine_call(size_t threads, pdl_engine_task task, void *context, pdl_error *error);

/* PDL_OK, or the failure of a oneDNN call that was made for `what` (a layer, a buffer). */
pdl_status pdl_check_dnnl(dnnl_status_t code, const char *what, pdl_error *error);

#endif
