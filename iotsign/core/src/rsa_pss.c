/* RSASSA-PSS verification (RFC 8017 §8.1.2, §9.1.2). Every modulus has a multiple of 8 bits, so the encoded message is as long
 * as the modulus and its first bit is 0.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/rsa.h"

#include "memory.h"

/* MGF1 (RFC 8017 §B.2.1), applied: data ^= mask(seed). */
static void unmask(const iotsign_hash_class_t *hash, const uint8_t *seed, size_t seed_length, uint8_t *data, size_t length)
{
    iotsign_hash_context_t context;
    uint8_t mask[IOTSIGN_HASH_MAX_SIZE];
    uint8_t counter[4] = {0u, 0u, 0u, 0u}; /* 512 bytes take at most 26 blocks */

    while (length > 0u) {
        size_t part = length < hash->digest_size ? length : hash->digest_size;
        hash->init(&context);
        hash->update(&context, seed, seed_length);
        hash->update(&context, counter, sizeof counter);
        hash->finish(&context, mask);
        for (size_t i = 0; i < part; i++) {
            *data++ ^= mask[i];
        }
        length -= part;
        counter[3]++;
    }
}

iotsign_status_t iotsign_rsa_pss_verify(const iotsign_rsa_key_t *key, const iotsign_rsa_pss_t *parameters,
                                        const uint8_t *digest, size_t digest_length, const uint8_t *signature,
                                        size_t signature_length, iotsign_rsa_work_t *work)
{
    static const uint8_t zeros[8];
    const iotsign_hash_class_t *hash = parameters->hash;
    iotsign_hash_context_t context;
    iotsign_status_t status;
    uint8_t *encoded, *salt, *h;
    uint8_t difference;

    /* §9.1.2 steps 1 to 3: the digest is there; salt and digest fit */
    if (digest_length != hash->digest_size || parameters->salt_length > key->size ||
        key->size - parameters->salt_length < digest_length + 2u) {
        return IOTSIGN_ERROR_ARGUMENT;
    }
    /* §8.1.2 steps 1 and 2: length checking, RSA verification */
    status = iotsign_rsa_recover(key, signature, signature_length, work, &encoded);
    if (status != IOTSIGN_OK) {
        return status;
    }
    /* step 4: the trailer; steps 5 and 6: maskedDB ‖ H ‖ bc, whose first bit is 0 */
    h = encoded + key->size - 1u - digest_length;
    salt = h - parameters->salt_length;
    difference = (uint8_t)(h[digest_length] ^ 0xbcu) | (encoded[0] & 0x80u);
    /* steps 7 to 9: DB = maskedDB ^ MGF1(H), its first bit cleared */
    unmask(parameters->mgf1_hash != NULL ? parameters->mgf1_hash : hash, h, digest_length, encoded, (size_t)(h - encoded));
    encoded[0] &= 0x7Fu;
    /* step 10: DB = 00 … 00 01 salt */
    salt[-1] ^= 0x01u;
    while (encoded < salt) {
        difference |= *encoded++;
    }
    /* steps 11 to 13: H' = hash of eight zeros, digest and salt */
    hash->init(&context);
    hash->update(&context, zeros, sizeof zeros);
    hash->update(&context, digest, digest_length);
    hash->update(&context, salt, parameters->salt_length);
    hash->finish(&context, h - digest_length);
    /* step 14 */
    return difference == 0u && memcmp(h, h - digest_length, digest_length) == 0 ? IOTSIGN_OK : IOTSIGN_ERROR_SIGNATURE;
}
