/* SHA-256 as a value; a link unit of its own, so that naming it links SHA-256 alone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/hash.h"

static void init(iotsign_hash_context_t *context)
{
    iotsign_sha256_init(&context->sha256);
}

static void update(iotsign_hash_context_t *context, const void *data, size_t length)
{
    iotsign_sha256_update(&context->sha256, data, length);
}

static void finish(iotsign_hash_context_t *context, uint8_t *digest)
{
    iotsign_sha256_finish(&context->sha256, digest);
}

static void init_twice(iotsign_hash_context_t *context)
{
    iotsign_sha256_twice_init(&context->sha256_twice);
}

static uint32_t position(const iotsign_hash_context_t *context)
{
    return context->sha256_twice.second.length;
}

static void update_twice(iotsign_hash_context_t *context, const void *data, const void *again, size_t length)
{
    iotsign_sha256_twice_update(&context->sha256_twice, data, again, length);
}

static void finish_twice(iotsign_hash_context_t *context, uint8_t *digest)
{
    iotsign_sha256_twice_finish(&context->sha256_twice, digest);
}

static int is_sound(const iotsign_hash_context_t *context, uint32_t length)
{
    return iotsign_sha256_twice_is_sound(&context->sha256_twice, length);
}

static const iotsign_hash_twice_t twice = {init_twice, position, update_twice, finish_twice, is_sound};

const iotsign_hash_class_t iotsign_sha256_class = {IOTSIGN_SHA256_SIZE, init, update, finish, &twice};
