/* A program that judges signatures which it is sent over its serial line, on any machine.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Once it is ready to listen it sends GREETING.
 * Request: u8 scheme | hash << 4; then key, data and signature, each u16 length (big-endian) and bytes.
 * Answer: i8 status, u32 instructions, u32 bytes of stack (big-endian; 0 where the machine has no meter).
 * The key is SubjectPublicKeyInfo in DER or a raw point; with hash 0, data is a digest, else a message. */
#include <stdint.h>

#include "iotsign/ecdsa.h"
#include "iotsign/p256.h"
#include "iotsign/p384.h"
#include "iotsign/sha1.h"
#include "iotsign/sha256.h"
#include "iotsign/sha512.h"
#include "iotsign/spki.h"
#include "machine.h"

enum { SCHEME_ECDSA_DER = 1, SCHEME_ECDSA_RAW = 2 };
enum { HASH_NONE = 0, HASH_SHA1 = 1, HASH_SHA256 = 2, HASH_SHA384 = 3, HASH_SHA512 = 4 };

#define GREETING 0x55u

typedef struct {
    uint8_t bytes[2048];
    size_t length;
} field_t;

static field_t key, data, signature;
static iotsign_spki_t parsed;

static void field_read(field_t *field)
{
    uint8_t length[2];

    machine_read(length, 2);
    field->length = (size_t)length[0] << 8 | length[1];
    if (field->length > sizeof field->bytes) {
        for (;;) { /* the other end is wrong: let it time out */
        }
    }
    machine_read(field->bytes, field->length);
}

static size_t hash(unsigned algorithm, uint8_t digest[64])
{
    iotsign_sha256_t sha256;
    iotsign_sha512_t sha512;
    iotsign_sha1_t sha1;

    switch (algorithm) {
    case HASH_SHA1:
        iotsign_sha1_init(&sha1);
        iotsign_sha1_update(&sha1, data.bytes, data.length);
        iotsign_sha1_finish(&sha1, digest);
        return IOTSIGN_SHA1_SIZE;
    case HASH_SHA256:
        iotsign_sha256_init(&sha256);
        iotsign_sha256_update(&sha256, data.bytes, data.length);
        iotsign_sha256_finish(&sha256, digest);
        return IOTSIGN_SHA256_SIZE;
    case HASH_SHA384:
        iotsign_sha384_init(&sha512);
        iotsign_sha512_update(&sha512, data.bytes, data.length);
        iotsign_sha384_finish(&sha512, digest);
        return IOTSIGN_SHA384_SIZE;
    case HASH_SHA512:
        iotsign_sha512_init(&sha512);
        iotsign_sha512_update(&sha512, data.bytes, data.length);
        iotsign_sha512_finish(&sha512, digest);
        return IOTSIGN_SHA512_SIZE;
    default:
        return 0;
    }
}

static iotsign_status_t verify_ecdsa(int is_der, const uint8_t *digest, size_t digest_length)
{
    uint8_t rs[IOTSIGN_P384_SIGNATURE_SIZE];
    const uint8_t *raw = signature.bytes;
    size_t size = parsed.kind == IOTSIGN_KEY_P256 ? IOTSIGN_P256_SIGNATURE_SIZE : IOTSIGN_P384_SIGNATURE_SIZE;

    if (is_der) {
        iotsign_status_t status = iotsign_ecdsa_der_decode(signature.bytes, signature.length, size / 2, rs);
        if (status != IOTSIGN_OK) {
            return status;
        }
        raw = rs;
    } else if (signature.length != size) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    return parsed.kind == IOTSIGN_KEY_P256 ? iotsign_p256_verify_digest(parsed.key, digest, digest_length, raw)
                                           : iotsign_p384_verify_digest(parsed.key, digest, digest_length, raw);
}

static iotsign_status_t verify(unsigned scheme, unsigned algorithm)
{
    uint8_t hashed[64];
    const uint8_t *digest = algorithm == HASH_NONE ? data.bytes : hashed;
    size_t digest_length = algorithm == HASH_NONE ? data.length : hash(algorithm, hashed);

    if (key.length > 0 && key.bytes[0] != 0x30) {
        parsed.kind = key.length == IOTSIGN_P256_KEY_SIZE ? IOTSIGN_KEY_P256 : IOTSIGN_KEY_P384;
        parsed.key = key.bytes;
        parsed.length = key.length;
    } else {
        iotsign_status_t status = iotsign_spki_parse(key.bytes, key.length, &parsed);
        if (status != IOTSIGN_OK) {
            return status;
        }
    }
    switch (scheme) {
    case SCHEME_ECDSA_DER:
    case SCHEME_ECDSA_RAW:
        if (parsed.kind != IOTSIGN_KEY_P256 && parsed.kind != IOTSIGN_KEY_P384) {
            return IOTSIGN_ERROR_KEY;
        }
        return verify_ecdsa(scheme == SCHEME_ECDSA_DER, digest, digest_length);
    default:
        return IOTSIGN_ERROR_UNSUPPORTED;
    }
}

static void put_u32(uint8_t *bytes, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (24u - 8u * i) & 0xFFu);
    }
}

int main(void)
{
    static const uint8_t greeting = GREETING;

    machine_init();
    machine_write(&greeting, 1);
    for (;;) {
        uint8_t operation, answer[9];
        iotsign_status_t status;

        machine_read(&operation, 1);
        field_read(&key);
        field_read(&data);
        field_read(&signature);
        machine_stack_paint();
        machine_meter_start();
        status = verify(operation & 15u, operation >> 4);
        put_u32(answer + 1, machine_meter_read());
        put_u32(answer + 5, machine_stack_used());
        answer[0] = (uint8_t)((unsigned)status & 0xFFu);
        machine_write(answer, sizeof answer);
    }
}
