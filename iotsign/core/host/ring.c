/* SPDX-License-Identifier: Apache-2.0 */
#include "ring.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define BLOCK_COUNT 4u
#define WORKER_STACK_SIZE ((size_t)256 * 1024)
#define NANOSECONDS 1000000000L

struct iotsign_ring {
    const iotsign_ring_job_t *job;
    uint8_t *blocks;

    pthread_mutex_t mutex; /* guards everything below but the clock */
    pthread_cond_t changed;
    size_t lengths[BLOCK_COUNT];
    uint64_t produced, consumed; /* blocks */
    bool stopped, finished;
    bool (*function)(void *context); /* the producer waits for it, if not NULL */
    void *function_context;
    iotsign_status_t produce_status;
    iotsign_fault_t *fault;

    uint64_t done; /* bytes consumed */
    struct timespec next_tick;
};

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

static bool report_on_time(iotsign_ring_t *ring)
{
    const iotsign_progress_t *progress = &ring->job->progress;

    if (progress->report == NULL || !has_passed(&ring->next_tick)) {
        return true;
    }
    bool go_on = progress->report(progress->context, ring->done) == 0;
    ring->next_tick = later(IOTSIGN_RING_TICK_MS);
    return go_on;
}

static void consume(iotsign_ring_t *ring, const uint8_t *block, size_t length)
{
    ring->job->consume(ring->job->consumer, block, length);
    ring->done += length;
}

static void stop(iotsign_ring_t *ring)
{
    (void)pthread_mutex_lock(&ring->mutex);
    ring->stopped = true;
    (void)pthread_cond_broadcast(&ring->changed);
    (void)pthread_mutex_unlock(&ring->mutex);
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
    while (ring->produced - ring->consumed == BLOCK_COUNT && !ring->stopped) {
        (void)pthread_cond_wait(&ring->changed, &ring->mutex);
    }
    size_t index = (size_t)(ring->produced % BLOCK_COUNT);
    bool stopped = ring->stopped;
    (void)pthread_mutex_unlock(&ring->mutex);
    return stopped ? NULL : ring->blocks + index * IOTSIGN_RING_BLOCK_SIZE;
}

void iotsign_ring_publish(iotsign_ring_t *ring, size_t length)
{
    if (!ring->job->threaded) {
        consume(ring, ring->blocks, length);
        return;
    }
    (void)pthread_mutex_lock(&ring->mutex);
    ring->lengths[ring->produced % BLOCK_COUNT] = length;
    ring->produced++;
    (void)pthread_cond_broadcast(&ring->changed);
    (void)pthread_mutex_unlock(&ring->mutex);
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
    iotsign_status_t status = ring->job->produce(ring->job->producer, ring, ring->fault);

    (void)pthread_mutex_lock(&ring->mutex);
    ring->produce_status = status;
    ring->finished = true;
    (void)pthread_cond_broadcast(&ring->changed);
    (void)pthread_mutex_unlock(&ring->mutex);
    return NULL;
}

/* One turn of the calling thread; false when there is nothing left to do. */
static bool serve(iotsign_ring_t *ring)
{
    bool (*function)(void *context) = NULL;
    const uint8_t *block = NULL;
    size_t length = 0;
    bool finished = false;

    (void)pthread_mutex_lock(&ring->mutex);
    if (ring->consumed == ring->produced && ring->function == NULL && !ring->finished) {
        struct timespec deadline = later(IOTSIGN_RING_TICK_MS);
        (void)pthread_cond_timedwait(&ring->changed, &ring->mutex, &deadline);
    }
    if (ring->consumed != ring->produced) {
        size_t index = (size_t)(ring->consumed % BLOCK_COUNT);
        block = ring->blocks + index * IOTSIGN_RING_BLOCK_SIZE;
        length = ring->lengths[index];
    } else if (ring->function != NULL) {
        function = ring->function;
    } else {
        finished = ring->finished;
    }
    (void)pthread_mutex_unlock(&ring->mutex);

    if (block != NULL) {
        consume(ring, block, length);
    } else if (function != NULL && !function(ring->function_context)) {
        stop(ring);
        return false;
    }
    (void)pthread_mutex_lock(&ring->mutex);
    if (block != NULL) {
        ring->consumed++;
    } else if (function != NULL) {
        ring->function = NULL;
    }
    (void)pthread_cond_broadcast(&ring->changed);
    (void)pthread_mutex_unlock(&ring->mutex);

    if (!finished && !report_on_time(ring)) {
        stop(ring);
        return false;
    }
    return !finished;
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

static iotsign_status_t run_threaded(iotsign_ring_t *ring)
{
    pthread_t thread;

    int error = start(ring, &thread);
    if (error != 0) {
        return iotsign_fault_set(ring->fault, IOTSIGN_ERROR_IO, "ThreadFailed", 0, error, "cannot start a thread");
    }
    while (serve(ring)) {
    }
    (void)pthread_join(thread, NULL);
    return ring->stopped ? IOTSIGN_ERROR_INTERRUPTED : ring->produce_status;
}

static iotsign_status_t run_inline(iotsign_ring_t *ring)
{
    iotsign_status_t status = ring->job->produce(ring->job->producer, ring, ring->fault);

    if (status == IOTSIGN_OK && !report_on_time(ring)) {
        ring->stopped = true;
    }
    return ring->stopped ? IOTSIGN_ERROR_INTERRUPTED : status;
}

iotsign_status_t iotsign_ring_run(const iotsign_ring_job_t *job, iotsign_fault_t *fault)
{
    iotsign_status_t status = IOTSIGN_ERROR_IO;
    iotsign_ring_t ring = {.job = job, .fault = fault, .produce_status = IOTSIGN_ERROR_IO};
    pthread_condattr_t attributes;

    ring.blocks = malloc(job->threaded ? BLOCK_COUNT * IOTSIGN_RING_BLOCK_SIZE : IOTSIGN_RING_BLOCK_SIZE);
    if (ring.blocks == NULL) {
        return iotsign_fault_set(fault, IOTSIGN_ERROR_IO, "OutOfMemory", 0, 0, "no memory for a ring of blocks");
    }
    (void)pthread_mutex_init(&ring.mutex, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&ring.changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    ring.next_tick = later(IOTSIGN_RING_TICK_MS);
    status = job->threaded ? run_threaded(&ring) : run_inline(&ring);
    (void)pthread_cond_destroy(&ring.changed);
    (void)pthread_mutex_destroy(&ring.mutex);
    free(ring.blocks);
    return status;
}
