/* SPDX-License-Identifier: Apache-2.0 */
#include "verify.h"

#include <string.h>

#include "iotsign/ecdsa.h"
#include "iotsign/ed25519.h"
#include "iotsign/p256.h"
#include "iotsign/p384.h"
#include "iotsign/rsa.h"
#include "iotsign/spki.h"

typedef enum { FAMILY_ECDSA_DER, FAMILY_ECDSA_RAW, FAMILY_PKCS1, FAMILY_PSS, FAMILY_ED25519 } family_t;

struct iotsign_signature_algorithm {
    const char *name;
    family_t family;
    const iotsign_hash_class_t *hash;
};

static const iotsign_signature_algorithm_t algorithms[] = {
    {"SHA256withECDSA", FAMILY_ECDSA_DER, &iotsign_sha256_class},
    {"SHA256withECDSAinP1363Format", FAMILY_ECDSA_RAW, &iotsign_sha256_class},
    {"SHA384withECDSA", FAMILY_ECDSA_DER, &iotsign_sha384_class},
    {"SHA384withECDSAinP1363Format", FAMILY_ECDSA_RAW, &iotsign_sha384_class},
    {"SHA512withECDSA", FAMILY_ECDSA_DER, &iotsign_sha512_class},
    {"SHA512withECDSAinP1363Format", FAMILY_ECDSA_RAW, &iotsign_sha512_class},
    {"SHA1withRSA", FAMILY_PKCS1, &iotsign_sha1_class},
    {"SHA1withRSAandMGF1", FAMILY_PSS, &iotsign_sha1_class},
    {"SHA256withRSA", FAMILY_PKCS1, &iotsign_sha256_class},
    {"SHA256withRSAandMGF1", FAMILY_PSS, &iotsign_sha256_class},
    {"SHA384withRSA", FAMILY_PKCS1, &iotsign_sha384_class},
    {"SHA384withRSAandMGF1", FAMILY_PSS, &iotsign_sha384_class},
    {"SHA512withRSA", FAMILY_PKCS1, &iotsign_sha512_class},
    {"SHA512withRSAandMGF1", FAMILY_PSS, &iotsign_sha512_class},
    {"Ed25519", FAMILY_ED25519, NULL},
};

const iotsign_signature_algorithm_t *iotsign_signature_algorithm_find(const char *name)
{
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        if (strcmp(algorithms[i].name, name) == 0) {
            return &algorithms[i];
        }
    }
    return NULL;
}

const iotsign_hash_class_t *iotsign_signature_algorithm_hash(const iotsign_signature_algorithm_t *algorithm)
{
    return algorithm->hash;
}

static bool key_fits(const iotsign_signature_algorithm_t *algorithm, const iotsign_spki_t *key)
{
    switch (algorithm->family) {
    case FAMILY_ECDSA_DER:
    case FAMILY_ECDSA_RAW:
        return key->kind == IOTSIGN_KEY_P256 || key->kind == IOTSIGN_KEY_P384;
    case FAMILY_PKCS1:
    case FAMILY_PSS:
        return key->kind == IOTSIGN_KEY_RSA;
    case FAMILY_ED25519:
        return key->kind == IOTSIGN_KEY_ED25519;
    }
    return false;
}

static iotsign_status_t verify_ecdsa(
    const iotsign_signature_algorithm_t *algorithm, const iotsign_spki_t *key, iotsign_bytes_t digest,
    iotsign_bytes_t signature)
{
    uint8_t decoded[IOTSIGN_P384_SIGNATURE_SIZE];
    const uint8_t *rs = signature.data;
    size_t size = key->kind == IOTSIGN_KEY_P256 ? IOTSIGN_P256_SIGNATURE_SIZE / 2 : IOTSIGN_P384_SIGNATURE_SIZE / 2;

    if (algorithm->family == FAMILY_ECDSA_DER) {
        iotsign_status_t status = iotsign_ecdsa_der_decode(signature.data, signature.length, size, decoded);
        if (status != IOTSIGN_OK) {
            return status;
        }
        rs = decoded;
    } else if (signature.length != 2 * size) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    return key->kind == IOTSIGN_KEY_P256 ? iotsign_p256_verify_digest(key->key, digest.data, digest.length, rs)
                                         : iotsign_p384_verify_digest(key->key, digest.data, digest.length, rs);
}

static iotsign_status_t verify_rsa(
    const iotsign_signature_algorithm_t *algorithm, const iotsign_rsa_key_t *key, iotsign_bytes_t digest,
    iotsign_bytes_t signature)
{
    iotsign_rsa_work_t work;

    if (algorithm->family == FAMILY_PKCS1) {
        return iotsign_rsa_pkcs1_verify(
            key, algorithm->hash, digest.data, digest.length, signature.data, signature.length, &work);
    }
    iotsign_rsa_pss_t parameters = {.hash = algorithm->hash, .salt_length = algorithm->hash->digest_size};
    return iotsign_rsa_pss_verify(
        key, &parameters, digest.data, digest.length, signature.data, signature.length, &work);
}

/* Parses the key; says in *fault why it cannot verify signatures of the algorithm. */
static iotsign_status_t parse_key(
    const iotsign_signature_algorithm_t *algorithm, iotsign_bytes_t public_key, iotsign_spki_t *key,
    iotsign_rsa_key_t *rsa_key, iotsign_fault_t *fault)
{
    /* The key is a SubjectPublicKeyInfo, in DER, with a named curve. */
    iotsign_status_t status = iotsign_spki_parse(public_key.data, public_key.length, key);
    if (status == IOTSIGN_OK && key->kind == IOTSIGN_KEY_RSA) {
        status = iotsign_rsa_key_parse(rsa_key, key->key, key->length);
    }
    if (status != IOTSIGN_OK) {
        return iotsign_fault_set(
            fault, IOTSIGN_ERROR_KEY, "InvalidPublicKey", 0, 0,
            "expected a DER SubjectPublicKeyInfo of a valid P-256, P-384, RSA-2048/3072/4096 or Ed25519 key, got %zu bytes "
            "that are none",
            public_key.length);
    }
    /* It is of the algorithm's family. */
    if (!key_fits(algorithm, key)) {
        return iotsign_fault_set(
            fault, IOTSIGN_ERROR_KEY, "KeyFamilyMismatch", 0, 0, "expected a key for %s, got one of another family",
            algorithm->name);
    }
    return IOTSIGN_OK;
}

/* Returns the verdict; says in *fault why it is no. */
static iotsign_status_t explain(
    iotsign_status_t status, const iotsign_signature_algorithm_t *algorithm, size_t signature_length,
    iotsign_fault_t *fault)
{
    switch (status) {
    case IOTSIGN_OK:
        return IOTSIGN_OK;
    case IOTSIGN_ERROR_KEY:
        return iotsign_fault_set(
            fault, status, "InvalidPublicKey", 0, 0, "expected a valid public key for %s, got one that is off the curve, "
            "out of range or of small order", algorithm->name);
    case IOTSIGN_ERROR_MALFORMED:
        return iotsign_fault_set(
            fault, status, "MalformedSignature", 0, 0,
            "expected the canonical encoding of a %s signature in range, got %zu bytes that are not", algorithm->name,
            signature_length);
    default:
        return iotsign_fault_set(
            fault, IOTSIGN_ERROR_SIGNATURE, "SignatureMismatch", 0, 0,
            "the %s signature was not made over these bytes by this key", algorithm->name);
    }
}

iotsign_status_t iotsign_signature_verify(
    const iotsign_signature_algorithm_t *algorithm, iotsign_bytes_t public_key, iotsign_bytes_t digest_or_message,
    iotsign_bytes_t signature, iotsign_fault_t *fault)
{
    iotsign_spki_t key;
    iotsign_rsa_key_t rsa_key;

    /* 1. The digest is as long as the hash makes it. */
    if (algorithm->hash != NULL && digest_or_message.length != algorithm->hash->digest_size) {
        return iotsign_fault_set(
            fault, IOTSIGN_ERROR_MALFORMED, "DigestLength", 0, 0, "expected %zu bytes of digest for %s, got %zu",
            algorithm->hash->digest_size, algorithm->name, digest_or_message.length);
    }
    /* 2. The key is one of the algorithm's family. */
    iotsign_status_t status = parse_key(algorithm, public_key, &key, &rsa_key, fault);
    if (status != IOTSIGN_OK) {
        return status;
    }
    /* 3. The signature is the one encoding of a value in range; the mathematics of the standard. */
    if (algorithm->family == FAMILY_ED25519) {
        status = iotsign_ed25519_verify(
            key.key, digest_or_message.data, digest_or_message.length, signature.data, signature.length);
    } else if (key.kind == IOTSIGN_KEY_RSA) {
        status = verify_rsa(algorithm, &rsa_key, digest_or_message, signature);
    } else {
        status = verify_ecdsa(algorithm, &key, digest_or_message, signature);
    }
    return explain(status, algorithm, signature.length, fault);
}

iotsign_status_t iotsign_ed25519_begin(
    iotsign_ed25519_t *context, iotsign_bytes_t public_key, iotsign_bytes_t signature, iotsign_fault_t *fault)
{
    const iotsign_signature_algorithm_t *algorithm = iotsign_signature_algorithm_find("Ed25519");
    iotsign_spki_t key;
    iotsign_rsa_key_t unused;

    iotsign_status_t status = parse_key(algorithm, public_key, &key, &unused, fault);
    if (status != IOTSIGN_OK) {
        return status;
    }
    status = iotsign_ed25519_init(context, key.key, signature.data, signature.length);
    return explain(status, algorithm, signature.length, fault);
}

iotsign_status_t iotsign_ed25519_end(iotsign_ed25519_t *context, iotsign_fault_t *fault)
{
    const iotsign_signature_algorithm_t *algorithm = iotsign_signature_algorithm_find("Ed25519");

    return explain(iotsign_ed25519_finish(context), algorithm, IOTSIGN_ED25519_SIGNATURE_SIZE, fault);
}
