/* The threads that run parts of a batch side by side. SPDX-License-Identifier: Apache-2.0
 *
 * A stream is a thread with an OpenMP team and an in-order stream of oneDNN's of its own. The engine's thread is the
 * first one; the others are started by the run that wants them and end with the first run that wants fewer. For GNU
 * OpenMP counts the threads of all teams, asleep or not: with more of them than CPUs, teams hardly wait at a barrier
 * before they sleep, which is slow. */
#ifndef PDL_NET_STREAMS_H
#define PDL_NET_STREAMS_H

#include "net/engine.h"

#define PDL_MAX_STREAMS 64

typedef pdl_status (*pdl_stream_task)(const pdl_engine *engine, void *context, size_t stream, pdl_error *error);

/* On the engine's thread: runs the task for every stream in [0, streams), all of them at once, each with a team of
 * `threads`, and waits for their ends; reports the failure of the first that failed. */
pdl_status pdl_streams_run(const pdl_engine *engine, size_t streams, size_t threads, pdl_stream_task task,
                           void *context, pdl_error *error);

#endif
