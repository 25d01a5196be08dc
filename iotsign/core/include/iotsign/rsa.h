/* RSA signature verification (RFC 8017): PKCS#1 v1.5 and PSS with moduli of 2048, 3072 and 4096 bits.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Verification handles no secret; its time depends on its input. Both schemes stand on iotsign_rsa_recover, and each is
 * a link unit of its own. They need the caller's work space of iotsign_rsa_work_t and less than 512 bytes of stack.
 *
 *     iotsign_spki_t spki; iotsign_rsa_key_t key; static iotsign_rsa_work_t work;
 *     status = iotsign_spki_parse(der, der_length, &spki);                        spki.kind must be IOTSIGN_KEY_RSA
 *     status = iotsign_rsa_key_parse(&key, spki.key, spki.length);
 *     status = iotsign_rsa_pkcs1_verify(&key, &iotsign_sha256_class, digest, 32, signature, signature_length, &work);
 */
#ifndef IOTSIGN_RSA_H
#define IOTSIGN_RSA_H

#include <stddef.h>
#include <stdint.h>

#include "iotsign/hash.h"
#include "iotsign/limb.h"
#include "iotsign/status.h"

/* A firmware that knows its largest key may define this as 2048 or 3072, for the library and for itself, and saves work
 * space: 4 numbers of that size. */
#ifndef IOTSIGN_RSA_MAX_BITS
#define IOTSIGN_RSA_MAX_BITS 4096
#endif

typedef struct {
    const uint8_t *modulus; /* big-endian, first byte not 0; points into the caller's bytes, which must outlive it */
    size_t size;            /* of the modulus and of every signature, in bytes */
    uint32_t exponent;
} iotsign_rsa_key_t;

/* Need not be initialised, and holds nothing between two calls. */
typedef struct {
    iotsign_limb_t limbs[4u * IOTSIGN_RSA_MAX_BITS / IOTSIGN_LIMB_BITS];
} iotsign_rsa_work_t;

/* Parse exactly `length` bytes of RSAPublicKey in DER (RFC 8017 §A.1.1) and check the key. *key is written only on success.
 * IOTSIGN_ERROR_MALFORMED: not DER, not an RSAPublicKey, negative numbers, or bytes after it.
 * IOTSIGN_ERROR_KEY:       a modulus that is even, not exactly 2048, 3072 or 4096 bits long or above
 *                          IOTSIGN_RSA_MAX_BITS; an exponent that is even, below 3 or above 2^32-1. */
iotsign_status_t iotsign_rsa_key_parse(iotsign_rsa_key_t *key, const uint8_t *der, size_t length);

/* RSAVP1 (RFC 8017 §5.2.2): the encoded message behind a signature, key->size bytes. *encoded points into `work`.
 * Verifies nothing by itself; for the two functions below.
 * IOTSIGN_ERROR_KEY:       as above (a key may come from elsewhere than iotsign_rsa_key_parse).
 * IOTSIGN_ERROR_MALFORMED: length is not key->size, or the signature is not below the modulus. */
iotsign_status_t iotsign_rsa_recover(const iotsign_rsa_key_t *key, const uint8_t *signature, size_t length,
                                     iotsign_rsa_work_t *work, uint8_t **encoded);

/* RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2). The expected encoded message is built, with the NULL parameters of §9.2, and compared
 * as a whole. `hash` made the digest; SHA-1, SHA-256, SHA-384 and SHA-512 are known.
 * IOTSIGN_ERROR_ARGUMENT:    digest_length is not hash->digest_size.
 * IOTSIGN_ERROR_UNSUPPORTED: another hash.
 * IOTSIGN_ERROR_KEY, _MALFORMED: as iotsign_rsa_recover.
 * IOTSIGN_ERROR_SIGNATURE:   not a signature of this digest by this key. */
iotsign_status_t iotsign_rsa_pkcs1_verify(const iotsign_rsa_key_t *key, const iotsign_hash_class_t *hash,
                                          const uint8_t *digest, size_t digest_length, const uint8_t *signature,
                                          size_t signature_length, iotsign_rsa_work_t *work);

typedef struct {
    const iotsign_hash_class_t *hash;      /* made the digest */
    const iotsign_hash_class_t *mgf1_hash; /* of the mask generation; NULL: the same as hash */
    size_t salt_length;                    /* in bytes; no other is accepted */
} iotsign_rsa_pss_t;

/* RSASSA-PSS (RFC 8017 §8.1.2, §9.1.2) with MGF1 and the trailer field 0xbc.
 * IOTSIGN_ERROR_ARGUMENT: digest_length is not that of the hash, or the modulus is too short for digest and salt.
 * IOTSIGN_ERROR_KEY, _MALFORMED: as iotsign_rsa_recover.
 * IOTSIGN_ERROR_SIGNATURE: not a signature of this digest by this key. */
iotsign_status_t iotsign_rsa_pss_verify(const iotsign_rsa_key_t *key, const iotsign_rsa_pss_t *parameters,
                                        const uint8_t *digest, size_t digest_length, const uint8_t *signature,
                                        size_t signature_length, iotsign_rsa_work_t *work);

#endif
