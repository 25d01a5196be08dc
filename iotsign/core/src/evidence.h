/* What the first of two verifications leaves to the second: the digest of a message that was read twice and hashed once, and
 * whether that went as it should. The second relies on it for the message's bytes alone, and repeats everything that decides.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_EVIDENCE_H
#define IOTSIGN_EVIDENCE_H

#include "iotsign/detached.h"
#include "iotsign/mcuboot.h"

#define IOTSIGN_EVIDENCE_ALIGN 64u /* bytes: parts of this size need no buffering by the hash */

/* All zeros to begin with, which no verification believes. */
typedef struct {
    iotsign_hash_context_t context;
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE];
} iotsign_evidence_t;

/* Where the bytes of a verification's message come from. */
typedef enum {
    IOTSIGN_READ_ONCE,  /* read and hashed; nothing is left to another verification */
    IOTSIGN_READ_TWICE, /* read twice and hashed; the evidence is made */
    IOTSIGN_RELY        /* not read; the evidence counts */
} iotsign_reading_t;

/* Bytes that a part of a message may have if there is to be room for its second reading; 0 if there is none. */
static inline size_t iotsign_evidence_room(const iotsign_scratch_t *scratch)
{
    return scratch->buffer_size / 2u & ~(size_t)(IOTSIGN_EVIDENCE_ALIGN - 1u);
}

/* The verifications of iotsign/mcuboot.h and iotsign/detached.h, where they are one of two. Where the message cannot be hashed by
 * two readings (another hash, a small buffer, a signature of the message itself), `reading` is IOTSIGN_READ_ONCE instead. */
iotsign_status_t iotsign_mcuboot_evaluate(const iotsign_region_t *region, const iotsign_mcuboot_policy_t *policy,
                                          const iotsign_scratch_t *scratch, iotsign_mcuboot_image_t *image,
                                          iotsign_reading_t reading, iotsign_evidence_t *evidence);
iotsign_status_t iotsign_detached_evaluate(const iotsign_detached_t *claim, const iotsign_scratch_t *scratch,
                                           iotsign_reading_t reading, iotsign_evidence_t *evidence);

#endif
