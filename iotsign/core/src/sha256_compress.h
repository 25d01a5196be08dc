/* The link unit behind SHA-256: src/sha256_compress.c on a device, a dispatcher over SIMD paths on a host.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_SHA256_COMPRESS_H
#define IOTSIGN_SHA256_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

/* Hashes count consecutive blocks of 64 bytes into state; blocks may have any alignment. */
void iotsign_sha256_compress(uint32_t state[8], const uint8_t *blocks, size_t count);

/* The same, of blocks that have been read twice: sets bits of *difference where what was hashed is not what `again` holds.
 * Returns the sixteens of rounds that were done, four for each block. With `again` equal to `blocks` nothing is compared. */
#define IOTSIGN_SHA256_TURNS 4u
uint32_t iotsign_sha256_compress_twice(uint32_t state[8], const uint8_t *blocks, const uint8_t *again, size_t count,
                                       uint32_t *difference);

/* FIPS 180-4 §4.2.2 */
extern const uint32_t iotsign_sha256_constants[64];

#endif
