/* What a firmware needs that trusts one P-384 key: SHA-384 over a message, and a raw signature.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/p384.h"
#include "iotsign/sha512.h"

int probe(const void *message, size_t length, const uint8_t *key, const uint8_t *signature);

int probe(const void *message, size_t length, const uint8_t *key, const uint8_t *signature)
{
    iotsign_sha512_t context;
    uint8_t digest[IOTSIGN_SHA384_SIZE];

    iotsign_sha384_init(&context);
    iotsign_sha512_update(&context, message, length);
    iotsign_sha384_finish(&context, digest);
    return iotsign_p384_verify_digest(key, digest, sizeof digest, signature);
}
