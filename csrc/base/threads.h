/* Parallel loops on a pool of threads. SPDX-License-Identifier: Apache-2.0
 *
 * One pool serves the whole process (the core's only global state). It starts at first use, grows to the
 * largest number of threads asked for, sleeps when idle, and is started anew in a child after fork. Several
 * callers may use it at once: each brings its own thread as a worker, so a call always makes progress. */
#ifndef PDL_BASE_THREADS_H
#define PDL_BASE_THREADS_H

#include <signal.h>
#include <stddef.h>

/* body(context, index) for every index in [0, count), on up to `threads` threads (0 = default), the caller's
 * among them; returns when all are done. Indices are handed out in increasing order. The body must not fail
 * the process, nor fork it; it keeps errors in its context, and may call pdl_parallel_for itself. `worker` < threads
 * tells apart bodies running at one time. */
typedef void (*pdl_body)(void *context, size_t index, size_t worker);
void pdl_parallel_for(size_t threads, size_t count, pdl_body body, void *context);

/* Has the threads that the caller now starts leave signals to the program's own (Python's Ctrl-C). A thread's own
 * faults still reach their handlers, such as Python's faulthandler. *old: for pthread_sigmask, afterwards. */
void pdl_block_signals(sigset_t *old);

#endif
