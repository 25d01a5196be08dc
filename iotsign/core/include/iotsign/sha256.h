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

#endif
