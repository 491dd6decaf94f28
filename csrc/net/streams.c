/* SPDX-License-Identifier: Apache-2.0
 *
 *     engine's thread: leave the task ── run part 0 ── wait until no stream is busy ──► take the first failure
 *     stream s:        sleeps ────────── run part s ── sleeps, or ends if the run has no part for it */
#define _GNU_SOURCE
#include "net/streams.h"

#include "base/threads.h"

#include <omp.h>
#include <pthread.h>
#include <stdbool.h>

typedef struct stream {
    pthread_t thread;
    size_t seen;       /* the last run it took part in */
    pdl_engine engine; /* its own stream stays when the thread ends */
    pdl_status status;
    pdl_error error;
} stream;

/* Written by the engine's thread alone, but for `busy`, a stream's `seen` and what it reports. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t wake, done;
    size_t streams; /* wanted, the engine's thread among them */
    size_t started; /* that there are: streams [1, started) have threads */
    size_t run;     /* its number */
    size_t busy;
    size_t threads;
    pdl_stream_task task;
    void *context;
    stream stream[PDL_MAX_STREAMS];
} state = {.lock = PTHREAD_MUTEX_INITIALIZER,
           .wake = PTHREAD_COND_INITIALIZER,
           .done = PTHREAD_COND_INITIALIZER,
           .started = 1};

/* The parent holds the engine's turn across a fork, so no stream is busy: the child starts its own. */
static void after_fork_child(void)
{
    pthread_mutex_init(&state.lock, NULL);
    pthread_cond_init(&state.wake, NULL);
    pthread_cond_init(&state.done, NULL);
    state.started = 1;
}

/* When the library is loaded: handlers that are added while another thread forks do not run in that child. */
__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(NULL, NULL, after_fork_child);
}

static pdl_status open_stream(stream *own, pdl_error *error)
{
    if (own->engine.stream != NULL) return PDL_OK;
    return pdl_check_dnnl(dnnl_stream_create(&own->engine.stream, own->engine.cpu, dnnl_stream_in_order), "a stream",
                          error);
}

static void run_part(size_t index)
{
    stream *own = &state.stream[index];
    omp_set_num_threads((int)state.threads);
    own->status = open_stream(own, &own->error);
    if (own->status == PDL_OK) own->status = state.task(&own->engine, state.context, index, &own->error);
}

static void *stream_main(void *argument)
{
    stream *own = argument;
    size_t index = (size_t)(own - state.stream);
    pthread_mutex_lock(&state.lock);
    for (;;) {
        while (own->seen == state.run && index < state.streams)
            pthread_cond_wait(&state.wake, &state.lock);
        if (index >= state.streams) break;
        own->seen = state.run;
        pthread_mutex_unlock(&state.lock);
        run_part(index);
        pthread_mutex_lock(&state.lock);
        if (--state.busy == 0) pthread_cond_signal(&state.done);
    }
    pthread_mutex_unlock(&state.lock);
    return NULL;
}

/* Has so many streams there, or fewer where the system gives no more threads. */
static void match_streams(size_t streams)
{
    pthread_mutex_lock(&state.lock);
    state.streams = streams;
    if (streams < state.started) pthread_cond_broadcast(&state.wake);
    pthread_mutex_unlock(&state.lock);
    while (state.started > streams)
        pthread_join(state.stream[--state.started].thread, NULL);
    if (state.started == streams) return;
    sigset_t old;
    pdl_block_signals(&old); /* a stream hands its mask on to its team */
    while (state.started < streams) {
        stream *next = &state.stream[state.started];
        next->seen = state.run;
        if (pthread_create(&next->thread, NULL, stream_main, next) != 0) break;
        state.started++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void begin_run(const pdl_engine *engine, size_t streams, size_t threads, pdl_stream_task task, void *context)
{
    for (size_t i = 0; i < streams; i++) {
        state.stream[i].engine.cpu = engine->cpu;
        state.stream[i].error = (pdl_error){.code = PDL_OK};
    }
    match_streams(streams);
    pthread_mutex_lock(&state.lock);
    state.threads = threads;
    state.task = task;
    state.context = context;
    state.busy = state.started - 1;
    state.run++;
    pthread_cond_broadcast(&state.wake);
    pthread_mutex_unlock(&state.lock);
}

static void end_run(void)
{
    pthread_mutex_lock(&state.lock);
    while (state.busy > 0)
        pthread_cond_wait(&state.done, &state.lock);
    pthread_mutex_unlock(&state.lock);
}

pdl_status pdl_streams_run(const pdl_engine *engine, size_t streams, size_t threads, pdl_stream_task task,
                           void *context, pdl_error *error)
{
    int team = omp_get_max_threads();
    begin_run(engine, streams, threads, task, context);
    run_part(0);
    for (size_t i = state.started; i < streams; i++) /* those that got no thread, one after the other */
        run_part(i);
    end_run();
    omp_set_num_threads(team);
    for (size_t i = 0; i < streams; i++) {
        if (state.stream[i].status == PDL_OK) continue;
        if (error != NULL) *error = state.stream[i].error;
        return state.stream[i].status;
    }
    return PDL_OK;
}
