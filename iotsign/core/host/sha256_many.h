/* SHA-256 of many buffers at once: the lanes of a vector, or of interleaved instructions, each take a buffer of its own,
 * and threads share the buffers.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_SHA256_MANY_H
#define IOTSIGN_SHA256_MANY_H

#include "iotsign/sha256.h"
#include "iotsign/status.h"

#include "ring.h"

typedef struct {
    const void *data; /* may be NULL if length is 0 */
    size_t length;    /* bytes */
    uint8_t digest[IOTSIGN_SHA256_SIZE];
} iotsign_sha256_job_t;

/* Hashes count buffers of any lengths; the data of several may be the same, the digests are written to the jobs. Uses at
 * most the given number of threads, the calling one included; 0 means one a processor. Progress, unless NULL, is asked on
 * the calling thread some twenty times a second.
 *
 * IOTSIGN_OK
 * IOTSIGN_ERROR_INTERRUPTED  progress asked to stop; no digest is of use
 * IOTSIGN_ERROR_IO           out of memory */
iotsign_status_t iotsign_sha256_many(
    iotsign_sha256_job_t *jobs, size_t count, unsigned threads, const iotsign_progress_t *progress);

#endif
