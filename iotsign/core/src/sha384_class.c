/* SHA-384 as a value; a link unit of its own, so that naming it links SHA-384 alone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/hash.h"

static void init(iotsign_hash_context_t *context)
{
    iotsign_sha384_init(&context->sha512);
}

static void update(iotsign_hash_context_t *context, const void *data, size_t length)
{
    iotsign_sha512_update(&context->sha512, data, length);
}

static void finish(iotsign_hash_context_t *context, uint8_t *digest)
{
    iotsign_sha384_finish(&context->sha512, digest);
}

const iotsign_hash_class_t iotsign_sha384_class = {IOTSIGN_SHA384_SIZE, init, update, finish, NULL};
