/* The link unit behind SHA-1: src/sha1_compress.c on a device, a dispatcher over SIMD paths on a host.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_SHA1_COMPRESS_H
#define IOTSIGN_SHA1_COMPRESS_H

#include <stddef.h>
#include <stdint.h>

/* Hashes count consecutive blocks of 64 bytes into state; blocks may have any alignment. */
void iotsign_sha1_compress(uint32_t state[5], const uint8_t *blocks, size_t count);

#endif
