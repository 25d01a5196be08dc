/* A signature scheme as a value, for code that judges with any of them (MCUboot images, detached signatures). A firmware
 * links only the schemes and hashes that it names:
 *
 *     static const iotsign_verifier_t verifiers[] = {IOTSIGN_VERIFIER_P256(iotsign_sha256_class)};
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_VERIFIER_H
#define IOTSIGN_VERIFIER_H

#include <stddef.h>
#include <stdint.h>

#include "iotsign/ed25519.h"
#include "iotsign/hash.h"
#include "iotsign/rsa.h"
#include "iotsign/spki.h"
#include "iotsign/status.h"

typedef enum {
    IOTSIGN_SCHEME_ECDSA = 1, /* signature: DER */
    IOTSIGN_SCHEME_RSA_PKCS1,
    IOTSIGN_SCHEME_RSA_PSS, /* MGF1 with the same hash, salt as long as the digest */
    IOTSIGN_SCHEME_ED25519
} iotsign_scheme_t;

/* Judges the digest that `hash` made of a message. `key` is what iotsign_spki_t points to. `work` is as large as
 * work_size of the verifier says and aligned for its type. Returns what the scheme's own functions return. */
typedef iotsign_status_t (*iotsign_judge_fn)(const iotsign_hash_class_t *hash, const uint8_t *key, size_t key_length,
                                             const uint8_t *digest, const uint8_t *signature, size_t signature_length,
                                             void *work);

/* For a scheme that does not sign a digest but the message itself, which then comes in parts. */
typedef struct {
    iotsign_status_t (*init)(void *work, const uint8_t *key, const uint8_t *signature, size_t signature_length);
    void (*update)(void *work, const void *data, size_t length);
    iotsign_status_t (*finish)(void *work);
} iotsign_stream_t;

typedef struct {
    iotsign_scheme_t scheme;
    iotsign_key_kind_t key_kind;
    const iotsign_hash_class_t *hash;
    size_t work_size; /* bytes; 0: work may be NULL */
    iotsign_judge_fn judge;
    const iotsign_stream_t *stream; /* NULL where the scheme signs a digest */
} iotsign_verifier_t;

/* Memory that a verification borrows. */
typedef struct {
    uint8_t *buffer;    /* what is read from a region goes here; no alignment */
    size_t buffer_size; /* bytes; the larger, the fewer calls of read */
    void *work;         /* an iotsign_rsa_work_t, an iotsign_ed25519_t, or NULL, as the verifiers need */
    size_t work_size;   /* bytes */
} iotsign_scratch_t;

iotsign_status_t iotsign_p256_judge(const iotsign_hash_class_t *hash, const uint8_t *key, size_t key_length,
                                    const uint8_t *digest, const uint8_t *signature, size_t signature_length, void *work);
iotsign_status_t iotsign_p384_judge(const iotsign_hash_class_t *hash, const uint8_t *key, size_t key_length,
                                    const uint8_t *digest, const uint8_t *signature, size_t signature_length, void *work);
iotsign_status_t iotsign_rsa_pkcs1_judge(const iotsign_hash_class_t *hash, const uint8_t *key, size_t key_length,
                                         const uint8_t *digest, const uint8_t *signature, size_t signature_length,
                                         void *work);
iotsign_status_t iotsign_rsa_pss_judge(const iotsign_hash_class_t *hash, const uint8_t *key, size_t key_length,
                                       const uint8_t *digest, const uint8_t *signature, size_t signature_length,
                                       void *work);
/* Here the digest is the message that was signed, as in MCUboot's images. */
iotsign_status_t iotsign_ed25519_judge(const iotsign_hash_class_t *hash, const uint8_t *key, size_t key_length,
                                       const uint8_t *digest, const uint8_t *signature, size_t signature_length,
                                       void *work);
extern const iotsign_stream_t iotsign_ed25519_stream;

/* Initialisers; hash_class is one of iotsign_sha…_class. */
#define IOTSIGN_VERIFIER_P256(hash_class) \
    {IOTSIGN_SCHEME_ECDSA, IOTSIGN_KEY_P256, &(hash_class), 0, iotsign_p256_judge, NULL}
#define IOTSIGN_VERIFIER_P384(hash_class) \
    {IOTSIGN_SCHEME_ECDSA, IOTSIGN_KEY_P384, &(hash_class), 0, iotsign_p384_judge, NULL}
#define IOTSIGN_VERIFIER_RSA_PKCS1(hash_class) \
    {IOTSIGN_SCHEME_RSA_PKCS1, IOTSIGN_KEY_RSA, &(hash_class), sizeof(iotsign_rsa_work_t), iotsign_rsa_pkcs1_judge, NULL}
#define IOTSIGN_VERIFIER_RSA_PSS(hash_class) \
    {IOTSIGN_SCHEME_RSA_PSS, IOTSIGN_KEY_RSA, &(hash_class), sizeof(iotsign_rsa_work_t), iotsign_rsa_pss_judge, NULL}
/* The hash is that of MCUboot's images; for a detached signature it is not used. */
#define IOTSIGN_VERIFIER_ED25519(hash_class) \
    {IOTSIGN_SCHEME_ED25519, IOTSIGN_KEY_ED25519, &(hash_class), sizeof(iotsign_ed25519_t), iotsign_ed25519_judge, \
     &iotsign_ed25519_stream}

#endif
