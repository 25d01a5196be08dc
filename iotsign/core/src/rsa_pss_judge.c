/* RSASSA-PSS as an iotsign_verifier_t, with a salt as long as the digest.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/verifier.h"

iotsign_status_t iotsign_rsa_pss_judge(const iotsign_hash_class_t *hash, const uint8_t *key, size_t key_length,
                                       const uint8_t *digest, const uint8_t *signature, size_t signature_length,
                                       void *work)
{
    iotsign_rsa_pss_t parameters = {hash, NULL, hash->digest_size};
    iotsign_rsa_key_t parsed;
    iotsign_status_t status = iotsign_rsa_key_parse(&parsed, key, key_length);

    if (status != IOTSIGN_OK) {
        return status;
    }
    return iotsign_rsa_pss_verify(&parsed, &parameters, digest, hash->digest_size, signature, signature_length, work);
}
