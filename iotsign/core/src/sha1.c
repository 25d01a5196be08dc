/* SHA-1 (FIPS 180-4 §5.1.1, §5.3.1, §6.1): padding and buffering.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/sha1.h"

#include "compiler.h"
#include "memory.h"
#include "sha1_compress.h"
#include "wire.h"

#define BLOCK_SIZE 64u

static const uint32_t initial_state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};

void iotsign_sha1_init(iotsign_sha1_t *context)
{
    memcpy(context->state, initial_state, sizeof context->state);
    context->length = 0;
}

void iotsign_sha1_update(iotsign_sha1_t *context, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    size_t used = (size_t)(context->length % BLOCK_SIZE);

    if (length == 0) {
        return;
    }
    context->length += length;
    if (used != 0 && length >= BLOCK_SIZE - used) {
        memcpy(context->buffer + used, bytes, BLOCK_SIZE - used);
        iotsign_sha1_compress(context->state, context->buffer, 1);
        bytes += BLOCK_SIZE - used;
        length -= BLOCK_SIZE - used;
        used = 0;
    }
    if (used == 0) {
        iotsign_sha1_compress(context->state, bytes, length / BLOCK_SIZE);
        bytes += length - length % BLOCK_SIZE;
        length %= BLOCK_SIZE;
    }
    memcpy(context->buffer + used, bytes, length);
}

IOTSIGN_WRAPS void iotsign_sha1_finish(iotsign_sha1_t *context, uint8_t digest[IOTSIGN_SHA1_SIZE])
{
    size_t used = (size_t)(context->length % BLOCK_SIZE);

    context->buffer[used++] = 0x80;
    if (used > BLOCK_SIZE - 8) {
        memset(context->buffer + used, 0, BLOCK_SIZE - used);
        iotsign_sha1_compress(context->state, context->buffer, 1);
        used = 0;
    }
    memset(context->buffer + used, 0, BLOCK_SIZE - 8 - used);
    iotsign_be64_store(context->buffer + BLOCK_SIZE - 8, context->length << 3);
    iotsign_sha1_compress(context->state, context->buffer, 1);
    for (unsigned i = 0; i < 5; i++) {
        iotsign_be32_store(digest + 4 * i, context->state[i]);
    }
}
