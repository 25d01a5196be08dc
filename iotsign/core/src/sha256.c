/* SHA-256 (FIPS 180-4 §5.1.1, §5.3.3, §6.2): padding and buffering.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/sha256.h"

#include "compiler.h"
#include "memory.h"
#include "sha256_compress.h"
#include "wire.h"

#define BLOCK_SIZE 64u

static const uint32_t initial_state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

void iotsign_sha256_init(iotsign_sha256_t *context)
{
    memcpy(context->state, initial_state, sizeof context->state);
    context->length = 0;
}

void iotsign_sha256_update(iotsign_sha256_t *context, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    size_t used = (size_t)(context->length % BLOCK_SIZE);

    if (length == 0) {
        return;
    }
    context->length += length;
    if (used != 0 && length >= BLOCK_SIZE - used) {
        memcpy(context->buffer + used, bytes, BLOCK_SIZE - used);
        iotsign_sha256_compress(context->state, context->buffer, 1);
        bytes += BLOCK_SIZE - used;
        length -= BLOCK_SIZE - used;
        used = 0;
    }
    if (used == 0) {
        iotsign_sha256_compress(context->state, bytes, length / BLOCK_SIZE);
        bytes += length - length % BLOCK_SIZE;
        length %= BLOCK_SIZE;
    }
    memcpy(context->buffer + used, bytes, length);
}

IOTSIGN_WRAPS void iotsign_sha256_finish(iotsign_sha256_t *context, uint8_t digest[IOTSIGN_SHA256_SIZE])
{
    size_t used = (size_t)(context->length % BLOCK_SIZE);

    context->buffer[used++] = 0x80;
    if (used > BLOCK_SIZE - 8) {
        memset(context->buffer + used, 0, BLOCK_SIZE - used);
        iotsign_sha256_compress(context->state, context->buffer, 1);
        used = 0;
    }
    memset(context->buffer + used, 0, BLOCK_SIZE - 8 - used);
    iotsign_be64_store(context->buffer + BLOCK_SIZE - 8, context->length << 3);
    iotsign_sha256_compress(context->state, context->buffer, 1);
    for (unsigned i = 0; i < 8; i++) {
        iotsign_be32_store(digest + 4 * i, context->state[i]);
    }
}
