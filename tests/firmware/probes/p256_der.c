/* The same with SubjectPublicKeyInfo and a signature in DER.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/ecdsa.h"
#include "iotsign/p256.h"
#include "iotsign/sha256.h"
#include "iotsign/spki.h"

int probe(const void *message, size_t length, const uint8_t *key, size_t key_length, const uint8_t *signature,
          size_t signature_length);

int probe(const void *message, size_t length, const uint8_t *key, size_t key_length, const uint8_t *signature,
          size_t signature_length)
{
    iotsign_sha256_t context;
    iotsign_spki_t spki;
    uint8_t digest[IOTSIGN_SHA256_SIZE], rs[IOTSIGN_P256_SIGNATURE_SIZE];

    if (iotsign_spki_parse(key, key_length, &spki) != IOTSIGN_OK || spki.kind != IOTSIGN_KEY_P256 ||
        iotsign_ecdsa_der_decode(signature, signature_length, sizeof rs / 2, rs) != IOTSIGN_OK) {
        return -1;
    }
    iotsign_sha256_init(&context);
    iotsign_sha256_update(&context, message, length);
    iotsign_sha256_finish(&context, digest);
    return iotsign_p256_verify_digest(spki.key, digest, sizeof digest, rs);
}
