/* One pass over a payload: hash a file or stream; hash it and write its base64. Reading, encoding and writing go on beside
 * the hashing on a second thread; memory does not grow with the size.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_PIPELINE_H
#define IOTSIGN_PIPELINE_H

#include "iotsign/hash.h"

#include "file.h"

typedef struct {
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE]; /* as many bytes as the hash class says */
    uint64_t size;                         /* bytes read */
} iotsign_hashed_t;

/* Hashes what iotsign_file_open or iotsign_file_open_at looked at, to its end, or exactly *length bytes unless NULL.
 *
 * IOTSIGN_OK
 * IOTSIGN_ERROR_INTERRUPTED  progress asked to stop
 * IOTSIGN_ERROR_IO           with *fault: reading failed, the file changed or ended before *length bytes */
iotsign_status_t iotsign_pipeline_hash(
    iotsign_file_t *input, const uint64_t *length, const iotsign_hash_class_t *hash,
    const iotsign_progress_t *progress, iotsign_hashed_t *result, iotsign_fault_t *fault);

/* Hashes input to its end and writes its base64 to output, which must not be the same file. Returns as
 * iotsign_pipeline_hash; after an error output holds an unfinished text. */
iotsign_status_t iotsign_pipeline_encode(
    iotsign_file_t *input, iotsign_file_t *output, const iotsign_hash_class_t *hash,
    const iotsign_progress_t *progress, iotsign_hashed_t *result, iotsign_fault_t *fault);

/* Moves the bytes [start, end) of a file by delta; start + delta must not be negative, nor end + delta beyond 2^63. The
 * file only grows; what the bytes leave behind keeps its old content. Returns as iotsign_pipeline_hash; after an error the
 * content is undefined. */
iotsign_status_t iotsign_pipeline_shift(
    int descriptor, uint64_t start, uint64_t end, int64_t delta, const iotsign_progress_t *progress,
    iotsign_fault_t *fault);

#endif
