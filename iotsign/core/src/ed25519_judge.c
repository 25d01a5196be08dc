/* Ed25519 as an iotsign_verifier_t.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/verifier.h"

static iotsign_status_t init(void *work, const uint8_t *key, const uint8_t *signature, size_t signature_length)
{
    return iotsign_ed25519_init(work, key, signature, signature_length);
}

static void update(void *work, const void *data, size_t length)
{
    iotsign_ed25519_update(work, data, length);
}

static iotsign_status_t finish(void *work)
{
    return iotsign_ed25519_finish(work);
}

const iotsign_stream_t iotsign_ed25519_stream = {init, update, finish};

iotsign_status_t iotsign_ed25519_judge(const iotsign_hash_class_t *hash, const uint8_t *key, size_t key_length,
                                       const uint8_t *digest, const uint8_t *signature, size_t signature_length,
                                       void *work)
{
    iotsign_status_t status;

    if (key_length != IOTSIGN_ED25519_KEY_SIZE) {
        return IOTSIGN_ERROR_KEY;
    }
    status = init(work, key, signature, signature_length);
    if (status != IOTSIGN_OK) {
        return status;
    }
    update(work, digest, hash->digest_size);
    return finish(work);
}
