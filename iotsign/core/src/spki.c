/* SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/spki.h"

#include "iotsign/der.h"
#include "memory.h"

/* The content of AlgorithmIdentifier: DER has one encoding of each, so comparing the bytes is parsing them. */
#define OID_EC_PUBLIC_KEY 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01
static const uint8_t ec_public_key[] = {OID_EC_PUBLIC_KEY};
static const uint8_t p256[] = {OID_EC_PUBLIC_KEY, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
static const uint8_t p384[] = {OID_EC_PUBLIC_KEY, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};
static const uint8_t rsa[] = {0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
static const uint8_t ed25519[] = {0x06, 0x03, 0x2b, 0x65, 0x70};

/* Algorithm identifiers that begin as one of ours but go on otherwise, and those of others. */
static iotsign_status_t name_refusal(iotsign_der_t algorithm)
{
    const uint8_t *start = algorithm.data;
    iotsign_der_t oid;
    size_t oid_length;

    if (iotsign_der_read(&algorithm, IOTSIGN_DER_OID, &oid) != IOTSIGN_OK) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    oid_length = (size_t)(algorithm.data - start);
    if (oid_length == sizeof ec_public_key && memcmp(start, ec_public_key, sizeof ec_public_key) == 0) {
        if (iotsign_der_read(&algorithm, IOTSIGN_DER_OID, &oid) == IOTSIGN_OK && algorithm.length == 0u) {
            return IOTSIGN_ERROR_UNSUPPORTED; /* another named curve */
        }
        return IOTSIGN_ERROR_KEY;
    }
    if ((oid_length == sizeof rsa - 2u && memcmp(start, rsa, sizeof rsa - 2u) == 0) ||
        (oid_length == sizeof ed25519 && memcmp(start, ed25519, sizeof ed25519) == 0)) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    return IOTSIGN_ERROR_UNSUPPORTED;
}

static int equals(iotsign_der_t algorithm, const uint8_t *expected, size_t length)
{
    return algorithm.length == length && memcmp(algorithm.data, expected, length) == 0;
}

iotsign_status_t iotsign_spki_parse(const uint8_t *der, size_t length, iotsign_spki_t *spki)
{
    iotsign_der_t reader;
    iotsign_der_t algorithm;
    iotsign_der_t key;
    iotsign_key_kind_t kind;
    size_t key_length;

    reader.data = der;
    reader.length = length;
    if (iotsign_der_read(&reader, IOTSIGN_DER_SEQUENCE, &key) != IOTSIGN_OK || reader.length != 0u) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    reader = key;
    if (iotsign_der_read(&reader, IOTSIGN_DER_SEQUENCE, &algorithm) != IOTSIGN_OK ||
        iotsign_der_read(&reader, IOTSIGN_DER_BIT_STRING, &key) != IOTSIGN_OK || reader.length != 0u ||
        key.length == 0u || key.data[0] != 0u /* unused bits */) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    key.data++;
    key.length--;

    if (equals(algorithm, p256, sizeof p256)) {
        kind = IOTSIGN_KEY_P256;
        key_length = 65u;
    } else if (equals(algorithm, p384, sizeof p384)) {
        kind = IOTSIGN_KEY_P384;
        key_length = 97u;
    } else if (equals(algorithm, ed25519, sizeof ed25519)) {
        kind = IOTSIGN_KEY_ED25519;
        key_length = 32u;
    } else if (equals(algorithm, rsa, sizeof rsa)) {
        kind = IOTSIGN_KEY_RSA;
        key_length = key.length;
    } else {
        return name_refusal(algorithm);
    }
    if (key.length != key_length ||
        ((kind == IOTSIGN_KEY_P256 || kind == IOTSIGN_KEY_P384) && key.data[0] != 0x04u)) {
        return IOTSIGN_ERROR_KEY;
    }
    spki->kind = kind;
    spki->key = key.data;
    spki->length = key.length;
    return IOTSIGN_OK;
}
