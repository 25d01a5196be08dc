/* SHA-256 (FIPS 180-4 §6.2), incremental.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_SHA256_H
#define IOTSIGN_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define IOTSIGN_SHA256_SIZE 32u

typedef struct {
    uint32_t state[8];
    uint64_t length; /* bytes hashed so far */
    uint8_t buffer[64];
} iotsign_sha256_t;

void iotsign_sha256_init(iotsign_sha256_t *context);
/* length may be 0, and data NULL then. */
void iotsign_sha256_update(iotsign_sha256_t *context, const void *data, size_t length);
/* The context must be initialised again before its next use. */
void iotsign_sha256_finish(iotsign_sha256_t *context, uint8_t digest[IOTSIGN_SHA256_SIZE]);

/* One of two readings of a message. */
typedef struct {
    uint32_t length; /* bytes so far, padding included */
    uint8_t buffer[64];
} iotsign_sha256_reading_t;

/* The same of a message of less than 4 GiB that is read twice, part by part, so that hashing it once is enough for a verdict
 * that no skipped instruction may change (iotsign/hardened.h). */
typedef struct {
    uint32_t state[8];
    iotsign_sha256_reading_t first;
    iotsign_sha256_reading_t second;
    uint32_t message;    /* bytes, once it has ended */
    uint32_t difference; /* 0 as long as both readings are alike and what was hashed */
    uint32_t turns;      /* sixteens of rounds that were done */
} iotsign_sha256_twice_t;

void iotsign_sha256_twice_init(iotsign_sha256_twice_t *context);
/* data and again: two copies of the next `length` bytes of the message. */
void iotsign_sha256_twice_update(iotsign_sha256_twice_t *context, const void *data, const void *again, size_t length);
/* The context is to be asked whether it is sound, and must be initialised before anything else. */
void iotsign_sha256_twice_finish(iotsign_sha256_twice_t *context, uint8_t digest[IOTSIGN_SHA256_SIZE]);
/* After the end: 1 if the digest is that of `length` bytes that both readings agree about, 0 if not. */
int iotsign_sha256_twice_is_sound(const iotsign_sha256_twice_t *context, uint32_t length);

#endif
