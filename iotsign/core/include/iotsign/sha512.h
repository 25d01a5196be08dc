/* SHA-512 and SHA-384 (FIPS 180-4 §6.4, §6.5), incremental. Both share one context; finish with the function that
 * belongs to the init.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_SHA512_H
#define IOTSIGN_SHA512_H

#include <stddef.h>
#include <stdint.h>

#define IOTSIGN_SHA384_SIZE 48u
#define IOTSIGN_SHA512_SIZE 64u

typedef struct {
    uint64_t state[8];
    uint64_t length; /* bytes hashed so far */
    uint8_t buffer[128];
} iotsign_sha512_t;

void iotsign_sha512_init(iotsign_sha512_t *context);
void iotsign_sha384_init(iotsign_sha512_t *context);
/* For both; length may be 0, and data NULL then. */
void iotsign_sha512_update(iotsign_sha512_t *context, const void *data, size_t length);
/* The context must be initialised again before its next use. */
void iotsign_sha512_finish(iotsign_sha512_t *context, uint8_t digest[IOTSIGN_SHA512_SIZE]);
void iotsign_sha384_finish(iotsign_sha512_t *context, uint8_t digest[IOTSIGN_SHA384_SIZE]);

#endif
