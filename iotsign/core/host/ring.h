/* A ring of blocks between a worker thread, which does input and output, and the calling thread, which computes and stays
 * ready to stop. A stop request is noticed within IOTSIGN_RING_TICK_MS, even while the worker waits for a pipe that nobody
 * writes to.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_RING_H
#define IOTSIGN_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fault.h"

/* Most bytes a block. 3 divides it, so that each full block encodes to base64 without a remainder: 1 MiB of text. */
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
    /* Runs on the worker thread; gets its blocks by iotsign_ring_acquire and iotsign_ring_publish, or, if there is a read
     * function, by iotsign_ring_take. */
    iotsign_status_t (*work)(void *context, iotsign_ring_t *ring, iotsign_fault_t *fault);
    /* May be NULL. Reads the next block, of at most block_size bytes; *length is 0 at the end. Runs on the
     * thread that has less to do, never on both at once. */
    iotsign_status_t (*read)(
        void *context, iotsign_ring_t *ring, uint8_t *block, size_t *length, iotsign_fault_t *fault);
    /* Runs on the calling thread, once for each block in turn. */
    void (*consume)(void *context, const uint8_t *block, size_t length);
    void *context; /* of these three */
    iotsign_progress_t progress;
    size_t block_size;  /* IOTSIGN_RING_BLOCK_SIZE, or less for short work */
    bool read_may_wait; /* reading may take any time: it is left to the worker */
    bool threaded;      /* false for work that is short and cannot wait: all of it runs on the calling thread */
} iotsign_ring_job_t;

/* Runs the job to its end.
 *
 * IOTSIGN_OK
 * IOTSIGN_ERROR_INTERRUPTED  report asked to stop, or a function given to iotsign_ring_call said so
 * IOTSIGN_ERROR_IO           no memory or no thread
 * or what work or read returned, which has then set *fault */
iotsign_status_t iotsign_ring_run(const iotsign_ring_job_t *job, iotsign_fault_t *fault);

/* For work: a free block of block_size bytes, or NULL when it must stop. */
uint8_t *iotsign_ring_acquire(iotsign_ring_t *ring);

/* For work: hands over the acquired block. It may still be read until the next one is acquired. */
void iotsign_ring_publish(iotsign_ring_t *ring, size_t length);

/* For work: the next block that was read, whether it was consumed already or not, until the next call. NULL with
 * IOTSIGN_OK at the end. Returns otherwise what read returned, or IOTSIGN_ERROR_INTERRUPTED when work must stop. */
iotsign_status_t iotsign_ring_take(iotsign_ring_t *ring, const uint8_t **block, size_t *length);

/* For work and read: whether they must stop. */
bool iotsign_ring_stopped(iotsign_ring_t *ring);

/* For work: has the calling thread run function(context) and waits for it; false, if that says so or the job was stopped,
 * and work must stop. */
bool iotsign_ring_call(iotsign_ring_t *ring, bool (*function)(void *context), void *context);

#endif
