/* SHA-1 as a value; a link unit of its own, so that naming it links SHA-1 alone.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/hash.h"

static void init(iotsign_hash_context_t *context)
{
    iotsign_sha1_init(&context->sha1);
}

static void update(iotsign_hash_context_t *context, const void *data, size_t length)
{
    iotsign_sha1_update(&context->sha1, data, length);
}

static void finish(iotsign_hash_context_t *context, uint8_t *digest)
{
    iotsign_sha1_finish(&context->sha1, digest);
}

const iotsign_hash_class_t iotsign_sha1_class = {IOTSIGN_SHA1_SIZE, init, update, finish, NULL};
