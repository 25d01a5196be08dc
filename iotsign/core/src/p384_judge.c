/* P-384 as an iotsign_verifier_t, with signatures in DER.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/ecdsa.h"
#include "iotsign/p384.h"
#include "iotsign/verifier.h"

iotsign_status_t iotsign_p384_judge(const iotsign_hash_class_t *hash, const uint8_t *key, size_t key_length,
                                    const uint8_t *digest, const uint8_t *signature, size_t signature_length, void *work)
{
    uint8_t rs[IOTSIGN_P384_SIGNATURE_SIZE];

    (void)work;
    if (key_length != IOTSIGN_P384_KEY_SIZE) {
        return IOTSIGN_ERROR_KEY;
    }
    if (iotsign_ecdsa_der_decode(signature, signature_length, sizeof rs / 2u, rs) != IOTSIGN_OK) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    return iotsign_p384_verify_digest(key, digest, hash->digest_size, rs);
}
