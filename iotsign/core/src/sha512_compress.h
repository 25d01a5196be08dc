/* The link unit behind SHA-512: src/sha512_compress.c on a device, a dispatcher over SIMD paths on a host.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_SHA512_COMPRESS_H
#define IOTSIGN_SHA512_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

/* Hashes count consecutive blocks of 128 bytes into state; blocks may have any alignment. */
void iotsign_sha512_compress(uint64_t state[8], const uint8_t *blocks, size_t count);

/* FIPS 180-4 §4.2.3 */
extern const uint64_t iotsign_sha512_constants[80];

#endif
