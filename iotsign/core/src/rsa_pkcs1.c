/* RSASSA-PKCS1-v1_5 verification (RFC 8017 §8.2.2).
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/rsa.h"

#include "memory.h"

/* DigestInfo of RFC 8017 §9.2 without the digest; the one of the SHA-2 family takes two lengths and the last arc. */
static const uint8_t sha1_info[] = {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14};
static const uint8_t sha2_info[] = {0x30, 0x11, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                    0x65, 0x03, 0x04, 0x02, 0x00, 0x05, 0x00, 0x04, 0x00};

/* Writes what precedes the digest so that it ends before `end`, and returns its first byte; NULL for an unknown hash. */
static uint8_t *put_info(uint8_t *end, size_t digest_size)
{
    uint8_t *info;

    if (digest_size == IOTSIGN_SHA1_SIZE) {
        info = end - sizeof sha1_info;
        memcpy(info, sha1_info, sizeof sha1_info);
        return info;
    }
    if (digest_size != IOTSIGN_SHA256_SIZE && digest_size != IOTSIGN_SHA384_SIZE && digest_size != IOTSIGN_SHA512_SIZE) {
        return NULL;
    }
    info = end - sizeof sha2_info;
    memcpy(info, sha2_info, sizeof sha2_info);
    info[1] = (uint8_t)(info[1] + digest_size);
    info[14] = (uint8_t)(digest_size / 16u - 1u); /* 1, 2, 3 for SHA-256, SHA-384, SHA-512 */
    info[18] = (uint8_t)digest_size;
    return info;
}

iotsign_status_t iotsign_rsa_pkcs1_verify(const iotsign_rsa_key_t *key, const iotsign_hash_class_t *hash,
                                          const uint8_t *digest, size_t digest_length, const uint8_t *signature,
                                          size_t signature_length, iotsign_rsa_work_t *work)
{
    iotsign_status_t status;
    uint8_t *encoded, *expected, *info;

    if (digest_length != hash->digest_size) {
        return IOTSIGN_ERROR_ARGUMENT;
    }
    /* steps 1 and 2: length checking, RSA verification */
    status = iotsign_rsa_recover(key, signature, signature_length, work, &encoded);
    if (status != IOTSIGN_OK) {
        return status;
    }
    /* step 3: EM' = 00 01 FF … FF 00 DigestInfo. The work space begins with the modulus, which is not needed any more. */
    expected = (uint8_t *)work->limbs;
    info = put_info(expected + key->size - digest_length, digest_length);
    if (info == NULL) {
        return IOTSIGN_ERROR_UNSUPPORTED;
    }
    memcpy(expected + key->size - digest_length, digest, digest_length);
    memset(expected, 0xFF, (size_t)(info - expected));
    expected[0] = 0x00;
    expected[1] = 0x01;
    info[-1] = 0x00;
    /* step 4 */
    return memcmp(encoded, expected, key->size) == 0 ? IOTSIGN_OK : IOTSIGN_ERROR_SIGNATURE;
}
