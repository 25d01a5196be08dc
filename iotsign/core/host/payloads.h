/* The payloads of many small JSONEmbedded objects, decoded and then hashed together.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_PAYLOADS_H
#define IOTSIGN_PAYLOADS_H

#include "iotsign/sha256.h"
#include "iotsign/status.h"

#include "ring.h"

typedef struct {
    int descriptor;  /* of a regular file; its own offset stays */
    uint64_t offset; /* where the payload's base64 begins; the members before it are the caller's to read */
    uint64_t size;   /* bytes of the file */
    bool whole;      /* set: what stands from offset to size is canonical base64, a quote and a brace, and the end */
    size_t length;   /* set if whole: bytes of the payload */
    uint8_t digest[IOTSIGN_SHA256_SIZE]; /* set if whole */
} iotsign_payload_job_t;

/* Reads and decodes the payloads of count files, one after the other, and hashes them with SHA-256, all on the calling
 * thread. All payloads are in memory at once. A file that cannot be read, changes its size or does not end as a writer
 * ends it is not whole, and no error. Progress, unless NULL, is asked some twenty times a second while hashing.
 *
 * IOTSIGN_OK
 * IOTSIGN_ERROR_INTERRUPTED  progress asked to stop; no digest is of use
 * IOTSIGN_ERROR_IO           out of memory */
iotsign_status_t iotsign_payloads_hash(
    iotsign_payload_job_t *jobs, size_t count, const iotsign_progress_t *progress);

#endif
