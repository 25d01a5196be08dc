/* SHA-1 (FIPS 180-4 §6.1), incremental. Only for formats that still demand it; collisions are practical.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_SHA1_H
#define IOTSIGN_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define IOTSIGN_SHA1_SIZE 20u

typedef struct {
    uint32_t state[5];
    uint64_t length; /* bytes hashed so far */
    uint8_t buffer[64];
} iotsign_sha1_t;

void iotsign_sha1_init(iotsign_sha1_t *context);
/* length may be 0, and data NULL then. */
void iotsign_sha1_update(iotsign_sha1_t *context, const void *data, size_t length);
/* The context must be initialised again before its next use. */
void iotsign_sha1_finish(iotsign_sha1_t *context, uint8_t digest[IOTSIGN_SHA1_SIZE]);

#endif
