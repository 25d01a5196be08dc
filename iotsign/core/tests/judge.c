/* SPDX-License-Identifier: Apache-2.0 */
#include "judge.h"

#include "iotsign/ecdsa.h"
#include "iotsign/ed25519.h"
#include "iotsign/hash.h"
#include "iotsign/p256.h"
#include "iotsign/p384.h"
#include "iotsign/rsa.h"
#include "iotsign/spki.h"

typedef struct {
    const uint8_t *data;
    size_t length;
} field_t;

static const iotsign_hash_class_t *find_hash(uint8_t digest_size)
{
    static const iotsign_hash_class_t *const classes[] = {&iotsign_sha1_class, &iotsign_sha256_class, &iotsign_sha384_class,
                                                          &iotsign_sha512_class};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (classes[i]->digest_size == digest_size) {
            return classes[i];
        }
    }
    return NULL;
}

static int take_field(field_t *rest, field_t *field)
{
    if (rest->length < 2u) {
        return 0;
    }
    field->length = (size_t)rest->data[0] << 8 | rest->data[1];
    field->data = rest->data + 2;
    if (field->length > rest->length - 2u) {
        return 0;
    }
    rest->data += 2u + field->length;
    rest->length -= 2u + field->length;
    return 1;
}

/* Replace the message by its digest, unless it is one already. */
static iotsign_status_t hash_message(const uint8_t *request, field_t *message, uint8_t digest[IOTSIGN_HASH_MAX_SIZE])
{
    const iotsign_hash_class_t *hash = find_hash(request[1]);
    iotsign_hash_context_t context;

    if (hash == NULL) {
        return IOTSIGN_ERROR_UNSUPPORTED;
    }
    if ((request[0] & JUDGE_DIGEST) == 0u) {
        hash->init(&context);
        hash->update(&context, message->data, message->length);
        hash->finish(&context, digest);
        message->data = digest;
        message->length = hash->digest_size;
    }
    return IOTSIGN_OK;
}

static iotsign_status_t judge_ecdsa(const uint8_t *request, const iotsign_spki_t *spki, field_t message, field_t signature)
{
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE], rs[IOTSIGN_P384_SIGNATURE_SIZE];
    size_t size = spki->kind == IOTSIGN_KEY_P256 ? IOTSIGN_P256_SIGNATURE_SIZE : IOTSIGN_P384_SIGNATURE_SIZE;
    iotsign_status_t status = hash_message(request, &message, digest);

    if (status != IOTSIGN_OK) {
        return status;
    }
    if ((request[0] & 0x7Fu) == JUDGE_ECDSA_DER) {
        status = iotsign_ecdsa_der_decode(signature.data, signature.length, size / 2, rs);
        if (status != IOTSIGN_OK) {
            return status;
        }
        signature.data = rs;
    } else if (signature.length != size) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    return spki->kind == IOTSIGN_KEY_P256
               ? iotsign_p256_verify_digest(spki->key, message.data, message.length, signature.data)
               : iotsign_p384_verify_digest(spki->key, message.data, message.length, signature.data);
}

static iotsign_status_t judge_rsa(const uint8_t *request, const iotsign_spki_t *spki, field_t message, field_t signature)
{
    static iotsign_rsa_work_t work;
    const iotsign_hash_class_t *hash = find_hash(request[1]);
    iotsign_rsa_pss_t pss = {hash, find_hash(request[2]), request[3]};
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE];
    iotsign_rsa_key_t key;
    iotsign_status_t status = iotsign_rsa_key_parse(&key, spki->key, spki->length);

    if (status == IOTSIGN_OK) {
        status = hash_message(request, &message, digest);
    }
    if (status != IOTSIGN_OK) {
        return status;
    }
    if ((request[0] & 0x7Fu) == JUDGE_PKCS1) {
        return iotsign_rsa_pkcs1_verify(&key, hash, message.data, message.length, signature.data, signature.length, &work);
    }
    return iotsign_rsa_pss_verify(&key, &pss, message.data, message.length, signature.data, signature.length, &work);
}

iotsign_status_t judge(const uint8_t *request, size_t length)
{
    field_t rest, key, message, signature;
    iotsign_spki_t spki;
    iotsign_status_t status;

    if (length < 4u) {
        return IOTSIGN_ERROR_ARGUMENT;
    }
    rest.data = request + 4;
    rest.length = length - 4u;
    if (!take_field(&rest, &key) || !take_field(&rest, &message) || !take_field(&rest, &signature) || rest.length != 0u) {
        return IOTSIGN_ERROR_ARGUMENT;
    }
    if (request[0] == JUDGE_POINT) {
        return key.length == IOTSIGN_P256_KEY_SIZE   ? iotsign_p256_validate_key(key.data)
               : key.length == IOTSIGN_P384_KEY_SIZE ? iotsign_p384_validate_key(key.data)
                                                     : IOTSIGN_ERROR_ARGUMENT;
    }
    status = iotsign_spki_parse(key.data, key.length, &spki);
    if (status != IOTSIGN_OK) {
        return status;
    }
    switch (request[0] & 0x7Fu) {
    case JUDGE_ECDSA_DER:
    case JUDGE_ECDSA_RAW:
        return spki.kind == IOTSIGN_KEY_P256 || spki.kind == IOTSIGN_KEY_P384
                   ? judge_ecdsa(request, &spki, message, signature)
                   : IOTSIGN_ERROR_KEY;
    case JUDGE_PKCS1:
    case JUDGE_PSS:
        return spki.kind == IOTSIGN_KEY_RSA ? judge_rsa(request, &spki, message, signature) : IOTSIGN_ERROR_KEY;
    case JUDGE_ED25519:
        return spki.kind == IOTSIGN_KEY_ED25519 ? iotsign_ed25519_verify(spki.key, message.data, message.length, signature.data, signature.length)
                                                : IOTSIGN_ERROR_KEY;
    default:
        return IOTSIGN_ERROR_ARGUMENT;
    }
}
