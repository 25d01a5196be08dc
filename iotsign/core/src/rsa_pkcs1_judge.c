/* RSASSA-PKCS1-v1_5 as an iotsign_verifier_t.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/verifier.h"

iotsign_status_t iotsign_rsa_pkcs1_judge(const iotsign_hash_class_t *hash, const uint8_t *key, size_t key_length,
                                         const uint8_t *digest, const uint8_t *signature, size_t signature_length,
                                         void *work)
{
    iotsign_rsa_key_t parsed;
    iotsign_status_t status = iotsign_rsa_key_parse(&parsed, key, key_length);

    if (status != IOTSIGN_OK) {
        return status;
    }
    return iotsign_rsa_pkcs1_verify(&parsed, hash, digest, hash->digest_size, signature, signature_length, work);
}
