/* SHA-256 of two readings by the best path; no host skips instructions.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../src/memory.h"
#include "../src/sha256_compress.h"

#define BLOCK_SIZE 64u

uint32_t iotsign_sha256_compress_twice(uint32_t state[8], const uint8_t *blocks, const uint8_t *again, size_t count,
                                       uint32_t *difference)
{
    *difference |= memcmp(blocks, again, BLOCK_SIZE * count) != 0 ? 1u : 0u;
    iotsign_sha256_compress(state, blocks, count);
    return (uint32_t)count * IOTSIGN_SHA256_TURNS;
}
