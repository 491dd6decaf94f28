/* SPDX-License-Identifier: Apache-2.0
 *
 *     caller: take the turn ── leave the task ── wait ──────────────► take the status ── give the turn back
 *     engine:        sleeps ────────────────► runs the task ─► done
 */
#define _GNU_SOURCE
#include "net/engine.h"

#include "base/status.h"
#include "base/threads.h"

#include <omp.h>
#include <pthread.h>
#include <stdbool.h>

#define MAX_THREADS 1024

static struct {
    pthread_mutex_t turn; /* held by the caller that is served, and across a fork */
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake, done;
    pdl_engine_task task; /* NULL when there is nothing to do */
    void *context;
    size_t threads;
    pdl_error *error;
    pdl_status status;
    bool running;
    pdl_engine engine;
} state = {
    .turn = PTHREAD_MUTEX_INITIALIZER,
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .wake = PTHREAD_COND_INITIALIZER,
    .done = PTHREAD_COND_INITIALIZER,
};

pdl_status pdl_check_dnnl(dnnl_status_t code, const char *what, pdl_error *error)
{
    switch (code) {
    case dnnl_success:
        return PDL_OK;
    case dnnl_out_of_memory:
        return pdl_fail(error, PDL_ENOMEM, "%s: oneDNN is out of memory", what);
    case dnnl_unimplemented:
        return pdl_fail(error, PDL_EUNSUPPORTED, "%s: oneDNN has no implementation for its shape", what);
    default:
        return pdl_fail(error, PDL_EINTERNAL, "%s: oneDNN failed with status %d", what, (int)code);
    }
}

/* Made at the first task; a failure is reported by that task and tried again by the next. */
static pdl_status open_engine(pdl_engine *engine, pdl_error *error)
{
    pdl_status status = PDL_OK;
    if (engine->cpu == NULL)
        status = pdl_check_dnnl(dnnl_engine_create(&engine->cpu, dnnl_cpu, 0), "the CPU engine", error);
    if (status == PDL_OK && engine->stream == NULL)
        status =
            pdl_check_dnnl(dnnl_stream_create(&engine->stream, engine->cpu, dnnl_stream_in_order), "a stream", error);
    return status;
}

static void *engine_main(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&state.lock);
    for (;;) {
        while (state.task == NULL)
            pthread_cond_wait(&state.wake, &state.lock);
        omp_set_num_threads((int)state.threads);
        pdl_status status = open_engine(&state.engine, state.error);
        if (status == PDL_OK) status = state.task(&state.engine, state.context, state.error);
        state.status = status;
        state.task = NULL;
        pthread_cond_signal(&state.done);
    }
    return NULL;
}

static void before_fork(void)
{
    pthread_mutex_lock(&state.turn);
}

static void after_fork_parent(void)
{
    pthread_mutex_unlock(&state.turn);
}

static void after_fork_child(void)
{
    pthread_mutex_init(&state.turn, NULL);
    pthread_mutex_init(&state.lock, NULL);
    pthread_cond_init(&state.wake, NULL);
    pthread_cond_init(&state.done, NULL);
    state.running = false;
}

/* When the library is loaded: handlers that are added while another thread forks do not run in that child. */
__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

static bool start_engine(void)
{
    if (state.running) return true;
    sigset_t old;
    pthread_t thread;
    pdl_block_signals(&old); /* the engine's thread hands its mask on to its team */
    state.running = pthread_create(&thread, NULL, engine_main, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (state.running) pthread_detach(thread);
    return state.running;
}

pdl_status pdl_engine_call(size_t threads, pdl_engine_task task, void *context, pdl_error *error)
{
    pdl_status status;
    pthread_mutex_lock(&state.turn);
    if (!start_engine()) {
        status = pdl_fail(error, PDL_EINTERNAL, "the system gives no thread for the network engine");
    } else {
        pthread_mutex_lock(&state.lock);
        if (threads == 0) threads = pdl_default_threads();
        state.threads = threads < MAX_THREADS ? threads : MAX_THREADS;
        state.context = context;
        state.error = error;
        state.task = task;
        pthread_cond_signal(&state.wake);
        while (state.task != NULL)
            pthread_cond_wait(&state.done, &state.lock);
        status = state.status;
        pthread_mutex_unlock(&state.lock);
    }
    pthread_mutex_unlock(&state.turn);
    return status;
}
