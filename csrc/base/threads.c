/* SPDX-License-Identifier: Apache-2.0
 *
 *   caller ──► job ──► queue ◄── helper threads take a seat at a job, then draw indices until none is left
 *     │                            │
 *     └── draws indices, too ──────┴──► waits until every seated helper has left
 */
#define _GNU_SOURCE
#include "base/threads.h"

#include "pydeepl.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define MAX_THREADS 1024

typedef struct job {
    pdl_body body;
    void *context;
    size_t count, seats;  /* indices in all; workers allowed, the caller among them */
    size_t taken, seated; /* seats given so far; helpers at work now (both under the lock) */
    atomic_size_t next;   /* the next index to hand out */
    struct job *following;
} job;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t work, left; /* a job was queued; a helper has left its job */
    job *jobs;
    size_t helpers;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .left = PTHREAD_COND_INITIALIZER};

size_t pdl_default_threads(void)
{
    const char *text = getenv("OMP_NUM_THREADS");
    if (text != NULL) {
        char *end;
        long asked = strtol(text, &end, 10);
        if (end != text && asked > 0) return asked < MAX_THREADS ? (size_t)asked : MAX_THREADS;
    }
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int cpus = CPU_COUNT(&set);
        if (cpus > 0) return (size_t)cpus;
    }
#endif
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    return cpus > 0 ? (size_t)cpus : 1;
}

static void draw_indices(job *work, size_t worker)
{
    size_t index;
    while ((index = atomic_fetch_add_explicit(&work->next, 1, memory_order_relaxed)) < work->count)
        work->body(work->context, index, worker);
}

static job *job_with_free_seat(void)
{
    for (job *work = pool.jobs; work != NULL; work = work->following)
        if (work->taken < work->seats && atomic_load_explicit(&work->next, memory_order_relaxed) < work->count)
            return work;
    return NULL;
}

static void *helper_main(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        job *work = job_with_free_seat();
        if (work == NULL) {
            pthread_cond_wait(&pool.work, &pool.lock);
            continue;
        }
        size_t worker = work->taken++;
        work->seated++;
        pthread_mutex_unlock(&pool.lock);
        draw_indices(work, worker);
        pthread_mutex_lock(&pool.lock);
        if (--work->seated == 0) pthread_cond_broadcast(&pool.left);
    }
    return NULL;
}

/* fork copies the memory but not the helpers: the child starts with an empty pool. The lock is held across the
 * fork so that the child never sees it half-way. */
static void before_fork(void)
{
    pthread_mutex_lock(&pool.lock);
}

static void after_fork_parent(void)
{
    pthread_mutex_unlock(&pool.lock);
}

static void after_fork_child(void)
{
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.work, NULL);
    pthread_cond_init(&pool.left, NULL);
    pool.jobs = NULL;
    pool.helpers = 0;
}

/* When the library is loaded: handlers that are added while another thread forks do not run in that child. */
__attribute__((constructor)) static void watch_forks(void)
{
    pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

void pdl_block_signals(sigset_t *old)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    sigset_t blocked;
    sigfillset(&blocked);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, old);
}

static void start_helpers(size_t wanted)
{
    sigset_t old;
    pdl_block_signals(&old);
    while (pool.helpers < wanted) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, helper_main, NULL) != 0) break; /* fewer helpers, same result */
        pthread_detach(thread);
        pool.helpers++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void leave_queue(job *work)
{
    job **link = &pool.jobs;
    while (*link != work)
        link = &(*link)->following;
    *link = work->following;
}

void pdl_parallel_for(size_t threads, size_t count, pdl_body body, void *context)
{
    if (threads == 0) threads = pdl_default_threads();
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    if (threads > count) threads = count;
    job work = {.body = body, .context = context, .count = count, .seats = threads, .taken = 1};
    if (threads <= 1) {
        draw_indices(&work, 0);
        return;
    }
    pthread_mutex_lock(&pool.lock);
    start_helpers(threads - 1);
    job **link = &pool.jobs; /* last in the queue: earlier jobs get their helpers first */
    while (*link != NULL)
        link = &(*link)->following;
    *link = &work;
    pthread_cond_broadcast(&pool.work);
    pthread_mutex_unlock(&pool.lock);

    draw_indices(&work, 0);

    pthread_mutex_lock(&pool.lock);
    leave_queue(&work);
    while (work.seated > 0)
        pthread_cond_wait(&pool.left, &pool.lock);
    pthread_mutex_unlock(&pool.lock);
}
