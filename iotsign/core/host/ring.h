/* A ring of blocks between a producer, which does all input and output on a thread of its own, and a consumer on the
 * calling thread, which computes and stays ready to stop. A stop request is noticed within IOTSIGN_RING_TICK_MS, even
 * while the producer waits for a pipe that nobody writes to.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_RING_H
#define IOTSIGN_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"

/* Bytes a block. 3 divides it, so that each full block encodes to base64 without a remainder: 1 MiB of text. */
#define IOTSIGN_RING_BLOCK_SIZE ((size_t)768 * 1024)

/* Longest time between two calls of report, and a bit more than the longest wait of the producer. */
#define IOTSIGN_RING_TICK_MS 40

typedef struct iotsign_ring iotsign_ring_t;

/* Called on the calling thread while the work goes on; done is the number of bytes consumed so far. Non-zero: stop. */
typedef struct {
    int (*report)(void *context, uint64_t done); /* may be NULL */
    void *context;
} iotsign_progress_t;

typedef struct {
    /* Runs on the worker thread. */
    iotsign_status_t (*produce)(void *context, iotsign_ring_t *ring, iotsign_fault_t *fault);
    void *producer;
    /* Runs on the calling thread, once for each published block. */
    void (*consume)(void *context, const uint8_t *block, size_t length);
    void *consumer;
    iotsign_progress_t progress;
    bool threaded; /* false for work that is short and cannot block: all of it runs on the calling thread */
} iotsign_ring_job_t;

/* Runs the producer to its end and consumes what it published.
 *
 * IOTSIGN_OK
 * IOTSIGN_ERROR_INTERRUPTED  report asked to stop, or a function given to iotsign_ring_call said so
 * IOTSIGN_ERROR_IO           no memory or no thread
 * or what the producer returned, which has then set *fault */
iotsign_status_t iotsign_ring_run(const iotsign_ring_job_t *job, iotsign_fault_t *fault);

/* For the producer: a free block of IOTSIGN_RING_BLOCK_SIZE bytes, or NULL when it must stop. */
uint8_t *iotsign_ring_acquire(iotsign_ring_t *ring);

/* For the producer: hands over the acquired block. It may still read the block until it acquires the next one. */
void iotsign_ring_publish(iotsign_ring_t *ring, size_t length);

/* For the producer: whether it must stop. */
bool iotsign_ring_stopped(iotsign_ring_t *ring);

/* For the producer: has the calling thread run function(context) and waits for it; false, if that says so or the work
 * was stopped, and the producer must stop. */
bool iotsign_ring_call(iotsign_ring_t *ring, bool (*function)(void *context), void *context);

#endif
