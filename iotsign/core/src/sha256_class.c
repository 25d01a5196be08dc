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

const iotsign_hash_class_t iotsign_sha256_class = {IOTSIGN_SHA256_SIZE, init, update, finish};
