/* Reading and writing file descriptors of any kind: short transfers, EINTR and EAGAIN are dealt with, and a wait for a
 * pipe, socket or terminal ends soon after a stop request. Files are never mapped: one that is truncated meanwhile gives
 * an error, not SIGBUS.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_FILE_H
#define IOTSIGN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring.h"

typedef struct {
    int descriptor;
    bool regular;   /* a regular file, which never makes its reader wait for somebody else */
    bool seekable;  /* false: position counts from 0 */
    uint64_t size;  /* bytes; 0 unless regular */
    uint64_t start; /* file offset of the first transfer */
    uint64_t position; /* file offset of the next transfer */
    bool positioned;   /* pread and pwrite at position instead of the descriptor's own offset */
} iotsign_file_t;

/* Looks at a descriptor, to transfer from its current offset on.
 *
 * IOTSIGN_OK
 * IOTSIGN_ERROR_IO  with *fault */
iotsign_status_t iotsign_file_open(iotsign_file_t *file, int descriptor, iotsign_fault_t *fault);

/* As iotsign_file_open, to transfer from offset on, without moving the descriptor's own offset. */
iotsign_status_t iotsign_file_open_at(iotsign_file_t *file, int descriptor, uint64_t offset, iotsign_fault_t *fault);

/* How many bytes to read at once: IOTSIGN_RING_BLOCK_SIZE, or less if it is more than what is left of a regular file,
 * which then comes at once and without waiting. A multiple of 3. */
size_t iotsign_file_block_size(const iotsign_file_t *file);

/* Reads up to length bytes, unless the ring is stopped; *got is less only at the end of the file. With some set, returns
 * as soon as there is anything, so that a text that comes slowly is looked at early.
 *
 * IOTSIGN_OK
 * IOTSIGN_ERROR_INTERRUPTED  the ring was stopped
 * IOTSIGN_ERROR_IO           with *fault */
iotsign_status_t iotsign_file_read(
    iotsign_file_t *file, iotsign_ring_t *ring, void *data, size_t length, bool some, size_t *got,
    iotsign_fault_t *fault);

/* After the end was reached: whether a regular file had the size that it had when it was opened.
 *
 * IOTSIGN_OK
 * IOTSIGN_ERROR_IO  with *fault: the file was truncated or extended meanwhile */
iotsign_status_t iotsign_file_check_size(const iotsign_file_t *file, iotsign_fault_t *fault);

/* Writes all of data. Returns as iotsign_file_read. */
iotsign_status_t iotsign_file_write(
    iotsign_file_t *file, iotsign_ring_t *ring, const void *data, size_t length, iotsign_fault_t *fault);

#endif
