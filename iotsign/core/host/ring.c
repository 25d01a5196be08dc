/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define MAX_BLOCKS 4u
#define WORKER_STACK_SIZE ((size_t)256 * 1024)
#define NANOSECONDS 1000000000L

struct iotsign_ring {
    const iotsign_ring_job_t *job;
    uint8_t *blocks;
    size_t count; /* of blocks */

    pthread_mutex_t mutex; /* guards everything below but what belongs to the calling thread */
    pthread_cond_t changed;
    size_t lengths[MAX_BLOCKS];
    uint64_t produced, consumed, released; /* blocks filled; consumed; given back by the worker */
    bool taken;                            /* the worker holds the block after the released ones */
    bool reading, at_end;                  /* somebody runs read; it found the end or failed */
    bool stopped, finished;                /* the calling thread wants the end; the worker has come to it */
    bool (*function)(void *context);       /* the worker waits for it, if not NULL */
    void *function_context;
    iotsign_status_t status; /* IOTSIGN_OK, or the first failure */
    iotsign_fault_t fault;   /* of that */

    uint64_t done; /* bytes consumed; belongs to the calling thread, as does next_tick */
    struct timespec next_tick;
};

static uint8_t *block_at(iotsign_ring_t *ring, uint64_t number)
{
    return ring->blocks + (size_t)(number % ring->count) * ring->job->block_size;
}

static bool has_room(const iotsign_ring_t *ring)
{
    uint64_t behind = ring->consumed < ring->released ? ring->consumed : ring->released;

    return ring->produced - behind < ring->count;
}

static void fail(iotsign_ring_t *ring, iotsign_status_t status, const iotsign_fault_t *fault)
{
    if (ring->status == IOTSIGN_OK && status != IOTSIGN_OK) {
        ring->status = status;
        ring->fault = *fault;
    }
}

static struct timespec later(unsigned milliseconds)
{
    struct timespec time;

    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_nsec += (long)milliseconds * 1000000L;
    time.tv_sec += time.tv_nsec / NANOSECONDS;
    time.tv_nsec %= NANOSECONDS;
    return time;
}

static bool has_passed(const struct timespec *time)
{
    struct timespec now = later(0);

    return now.tv_sec > time->tv_sec || (now.tv_sec == time->tv_sec && now.tv_nsec >= time->tv_nsec);
}

bool iotsign_ring_stopped(iotsign_ring_t *ring)
{
    (void)pthread_mutex_lock(&ring->mutex);
    bool stopped = ring->stopped;
    (void)pthread_mutex_unlock(&ring->mutex);
    return stopped;
}

uint8_t *iotsign_ring_acquire(iotsign_ring_t *ring)
{
    (void)pthread_mutex_lock(&ring->mutex);
    ring->released = ring->produced;
    while (!has_room(ring) && !ring->stopped) {
        (void)pthread_cond_wait(&ring->changed, &ring->mutex);
    }
    uint8_t *block = ring->stopped ? NULL : block_at(ring, ring->produced);
    (void)pthread_mutex_unlock(&ring->mutex);
    return block;
}

/* Consumes the next block. The mutex is held before and after, not in between. */
static void consume(iotsign_ring_t *ring)
{
    const uint8_t *block = block_at(ring, ring->consumed);
    size_t length = ring->lengths[ring->consumed % ring->count];

    (void)pthread_mutex_unlock(&ring->mutex);
    ring->job->consume(ring->job->context, block, length);
    ring->done += length;
    (void)pthread_mutex_lock(&ring->mutex);
    ring->consumed++;
    (void)pthread_cond_broadcast(&ring->changed);
}

/* Reads the next block. The mutex is held before and after, not in between. */
static void read_block(iotsign_ring_t *ring)
{
    iotsign_fault_t fault = {0};
    size_t length = 0;
    uint8_t *block = block_at(ring, ring->produced);

    ring->reading = true;
    (void)pthread_mutex_unlock(&ring->mutex);
    iotsign_status_t status = ring->job->read(ring->job->context, ring, block, &length, &fault);
    (void)pthread_mutex_lock(&ring->mutex);
    ring->reading = false;
    fail(ring, status, &fault);
    if (status != IOTSIGN_OK || length == 0) {
        ring->at_end = true;
    } else {
        ring->lengths[ring->produced % ring->count] = length;
        ring->produced++;
    }
    (void)pthread_cond_broadcast(&ring->changed);
}

void iotsign_ring_publish(iotsign_ring_t *ring, size_t length)
{
    (void)pthread_mutex_lock(&ring->mutex);
    ring->lengths[ring->produced % ring->count] = length;
    ring->produced++;
    (void)pthread_cond_broadcast(&ring->changed);
    if (!ring->job->threaded) {
        consume(ring);
    }
    (void)pthread_mutex_unlock(&ring->mutex);
}

iotsign_status_t iotsign_ring_take(iotsign_ring_t *ring, const uint8_t **block, size_t *length)
{
    *block = NULL;
    (void)pthread_mutex_lock(&ring->mutex);
    if (ring->taken) {
        ring->released++;
        (void)pthread_cond_broadcast(&ring->changed);
    }
    while (!ring->stopped && ring->released == ring->produced && !ring->at_end) {
        if (ring->reading || !has_room(ring)) {
            (void)pthread_cond_wait(&ring->changed, &ring->mutex);
            continue;
        }
        read_block(ring);
        if (!ring->job->threaded && ring->consumed != ring->produced) {
            consume(ring);
        }
    }
    ring->taken = ring->released != ring->produced;
    if (ring->taken) {
        *block = block_at(ring, ring->released);
        *length = ring->lengths[ring->released % ring->count];
    }
    iotsign_status_t status = ring->stopped ? IOTSIGN_ERROR_INTERRUPTED : ring->status;
    (void)pthread_mutex_unlock(&ring->mutex);
    return status;
}

bool iotsign_ring_call(iotsign_ring_t *ring, bool (*function)(void *context), void *context)
{
    if (!ring->job->threaded) {
        ring->stopped = !function(context);
        return !ring->stopped;
    }
    (void)pthread_mutex_lock(&ring->mutex);
    ring->function = function;
    ring->function_context = context;
    (void)pthread_cond_broadcast(&ring->changed);
    while (ring->function != NULL && !ring->stopped) {
        (void)pthread_cond_wait(&ring->changed, &ring->mutex);
    }
    bool go_on = !ring->stopped;
    (void)pthread_mutex_unlock(&ring->mutex);
    return go_on;
}

static void *work(void *argument)
{
    iotsign_ring_t *ring = argument;
    iotsign_fault_t fault = {0};

    iotsign_status_t status = ring->job->work(ring->job->context, ring, &fault);
    (void)pthread_mutex_lock(&ring->mutex);
    fail(ring, status, &fault);
    ring->finished = true;
    (void)pthread_cond_broadcast(&ring->changed);
    (void)pthread_mutex_unlock(&ring->mutex);
    return NULL;
}

/* One turn of the calling thread; false when there is nothing left to do. The mutex is held before and after. */
static bool serve(iotsign_ring_t *ring)
{
    bool (*function)(void *context) = ring->function;
    const iotsign_ring_job_t *job = ring->job;

    if (ring->consumed != ring->produced) {
        consume(ring);
    } else if (function != NULL) {
        (void)pthread_mutex_unlock(&ring->mutex);
        bool go_on = function(ring->function_context);
        (void)pthread_mutex_lock(&ring->mutex);
        ring->function = NULL;
        ring->stopped = !go_on;
        (void)pthread_cond_broadcast(&ring->changed);
        return go_on;
    } else if (ring->finished) {
        return false;
    } else if (job->read != NULL && !job->read_may_wait && !ring->reading && !ring->at_end && has_room(ring)) {
        read_block(ring);
    } else {
        struct timespec deadline = later(IOTSIGN_RING_TICK_MS);
        (void)pthread_cond_timedwait(&ring->changed, &ring->mutex, &deadline);
    }
    if (job->progress.report == NULL || !has_passed(&ring->next_tick)) {
        return true;
    }
    (void)pthread_mutex_unlock(&ring->mutex);
    bool go_on = job->progress.report(job->progress.context, ring->done) == 0;
    ring->next_tick = later(IOTSIGN_RING_TICK_MS);
    (void)pthread_mutex_lock(&ring->mutex);
    ring->stopped = !go_on;
    return go_on;
}

/* Starts the worker with all signals blocked, so that they reach the threads that wait for them. */
static int start(iotsign_ring_t *ring, pthread_t *thread)
{
    pthread_attr_t attributes;
    sigset_t all, before;

    int error = pthread_attr_init(&attributes);
    if (error != 0) {
        return error;
    }
    (void)pthread_attr_setstacksize(&attributes, WORKER_STACK_SIZE);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(thread, &attributes, work, ring);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    return error;
}

static void run_threaded(iotsign_ring_t *ring)
{
    pthread_t thread;

    int error = start(ring, &thread);
    if (error != 0) {
        ring->status =
            iotsign_fault_set(&ring->fault, IOTSIGN_ERROR_IO, "ThreadFailed", 0, error, "cannot start a thread");
        return;
    }
    (void)pthread_mutex_lock(&ring->mutex);
    while (serve(ring)) {
    }
    (void)pthread_cond_broadcast(&ring->changed);
    (void)pthread_mutex_unlock(&ring->mutex);
    (void)pthread_join(thread, NULL);
}

iotsign_status_t iotsign_ring_run(const iotsign_ring_job_t *job, iotsign_fault_t *fault)
{
    iotsign_ring_t ring = {.job = job, .count = job->threaded ? MAX_BLOCKS : 1};
    pthread_condattr_t attributes;

    ring.blocks = malloc(ring.count * job->block_size);
    if (ring.blocks == NULL) {
        return iotsign_fault_set(fault, IOTSIGN_ERROR_IO, "OutOfMemory", 0, 0, "no memory for a ring of blocks");
    }
    (void)pthread_mutex_init(&ring.mutex, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&ring.changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    ring.next_tick = later(IOTSIGN_RING_TICK_MS);
    if (job->threaded) {
        run_threaded(&ring);
    } else {
        (void)work(&ring);
    }
    (void)pthread_cond_destroy(&ring.changed);
    (void)pthread_mutex_destroy(&ring.mutex);
    free(ring.blocks);
    if (ring.stopped) {
        return IOTSIGN_ERROR_INTERRUPTED;
    }
    *fault = ring.fault;
    return ring.status;
}
