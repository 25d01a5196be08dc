/* P-256 with SHA-256, and RSA-3072 with PKCS#1 v1.5 and PSS, by keys that are known when the firmware is built.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/p256.h"
#include "iotsign/rsa.h"
#include "iotsign/sha256.h"

int probe(const void *message, size_t length, const uint8_t *key, const iotsign_rsa_key_t *rsa, const uint8_t *signature,
          int scheme);

int probe(const void *message, size_t length, const uint8_t *key, const iotsign_rsa_key_t *rsa, const uint8_t *signature,
          int scheme)
{
    static iotsign_rsa_work_t work;
    static const iotsign_rsa_pss_t pss = {&iotsign_sha256_class, NULL, IOTSIGN_SHA256_SIZE};
    iotsign_sha256_t context;
    uint8_t digest[IOTSIGN_SHA256_SIZE];

    iotsign_sha256_init(&context);
    iotsign_sha256_update(&context, message, length);
    iotsign_sha256_finish(&context, digest);
    switch (scheme) {
    case 0:
        return iotsign_p256_verify_digest(key, digest, sizeof digest, signature);
    case 1:
        return iotsign_rsa_pkcs1_verify(rsa, &iotsign_sha256_class, digest, sizeof digest, signature, 384, &work);
    default:
        return iotsign_rsa_pss_verify(rsa, &pss, digest, sizeof digest, signature, 384, &work);
    }
}
