/* Bytes that are read through a function: flash that is not mapped into memory, a file, a block device.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_REGION_H
#define IOTSIGN_REGION_H

#include <stddef.h>
#include <stdint.h>

#include "iotsign/status.h"

/* Copies `length` bytes at `offset` of the region into `buffer` and returns how many it has copied. Any other number than
 * `length` is a failure. It is asked only for bytes within the region. */
typedef size_t (*iotsign_read_fn)(void *context, uint32_t offset, void *buffer, size_t length);

typedef struct {
    iotsign_read_fn read;
    void *context; /* handed to read */
    uint32_t size; /* bytes */
} iotsign_region_t;

/* IOTSIGN_ERROR_MALFORMED: the bytes do not lie within the region; read is not called.
 * IOTSIGN_ERROR_READ:      read did not copy `length` bytes. */
iotsign_status_t iotsign_region_read(const iotsign_region_t *region, uint32_t offset, void *buffer, size_t length);

/* An iotsign_read_fn for bytes in memory: `context` is the address of the region's first byte. */
size_t iotsign_memory_read(void *context, uint32_t offset, void *buffer, size_t length);

#endif
