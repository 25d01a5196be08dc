/* SHA-512 and SHA-384 (FIPS 180-4 §5.1.2, §5.3.4, §5.3.5, §6.4, §6.5): padding and buffering.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/sha512.h"

#include "compiler.h"
#include "memory.h"
#include "sha512_compress.h"
#include "wire.h"

#define BLOCK_SIZE 128u

static const uint64_t initial_state_512[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
    0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};

static const uint64_t initial_state_384[8] = {
    0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
    0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4};

void iotsign_sha512_init(iotsign_sha512_t *context)
{
    memcpy(context->state, initial_state_512, sizeof context->state);
    context->length = 0;
}

void iotsign_sha384_init(iotsign_sha512_t *context)
{
    memcpy(context->state, initial_state_384, sizeof context->state);
    context->length = 0;
}

void iotsign_sha512_update(iotsign_sha512_t *context, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    size_t used = (size_t)(context->length % BLOCK_SIZE);

    if (length == 0) {
        return;
    }
    context->length += length;
    if (used != 0 && length >= BLOCK_SIZE - used) {
        memcpy(context->buffer + used, bytes, BLOCK_SIZE - used);
        iotsign_sha512_compress(context->state, context->buffer, 1);
        bytes += BLOCK_SIZE - used;
        length -= BLOCK_SIZE - used;
        used = 0;
    }
    if (used == 0) {
        iotsign_sha512_compress(context->state, bytes, length / BLOCK_SIZE);
        bytes += length - length % BLOCK_SIZE;
        length %= BLOCK_SIZE;
    }
    memcpy(context->buffer + used, bytes, length);
}

IOTSIGN_WRAPS static void pad_and_compress(iotsign_sha512_t *context)
{
    size_t used = (size_t)(context->length % BLOCK_SIZE);

    context->buffer[used++] = 0x80;
    if (used > BLOCK_SIZE - 16) {
        memset(context->buffer + used, 0, BLOCK_SIZE - used);
        iotsign_sha512_compress(context->state, context->buffer, 1);
        used = 0;
    }
    memset(context->buffer + used, 0, BLOCK_SIZE - 16 - used);
    iotsign_be64_store(context->buffer + BLOCK_SIZE - 16, context->length >> 61);
    iotsign_be64_store(context->buffer + BLOCK_SIZE - 8, context->length << 3);
    iotsign_sha512_compress(context->state, context->buffer, 1);
}

void iotsign_sha512_finish(iotsign_sha512_t *context, uint8_t digest[IOTSIGN_SHA512_SIZE])
{
    pad_and_compress(context);
    for (unsigned i = 0; i < 8; i++) {
        iotsign_be64_store(digest + 8 * i, context->state[i]);
    }
}

void iotsign_sha384_finish(iotsign_sha512_t *context, uint8_t digest[IOTSIGN_SHA384_SIZE])
{
    pad_and_compress(context);
    for (unsigned i = 0; i < 6; i++) {
        iotsign_be64_store(digest + 8 * i, context->state[i]);
    }
}
