/* What a firmware needs that trusts one P-256 key: SHA-256 over a message, and a raw signature.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/p256.h"
#include "iotsign/sha256.h"

int probe(const void *message, size_t length, const uint8_t *key, const uint8_t *signature);

int probe(const void *message, size_t length, const uint8_t *key, const uint8_t *signature)
{
    iotsign_sha256_t context;
    uint8_t digest[IOTSIGN_SHA256_SIZE];

    iotsign_sha256_init(&context);
    iotsign_sha256_update(&context, message, length);
    iotsign_sha256_finish(&context, digest);
    return iotsign_p256_verify_digest(key, digest, sizeof digest, signature);
}
