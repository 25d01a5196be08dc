/* Ed25519 signature verification (RFC 8032 §5.1.7).
 * SPDX-License-Identifier: Apache-2.0
 *
 * A signature has one encoding and a key too: S below the group order, R compared byte by byte (the equation without
 * cofactor, as OpenSSL checks it), the key's y below p. Stricter than OpenSSL, a key must have prime order: a key with a
 * component of small order verifies signatures that others do not.
 *
 * Verification handles no secret; its time depends on its input. It takes less than 2 KiB of stack. */
#ifndef IOTSIGN_ED25519_H
#define IOTSIGN_ED25519_H

#include <stddef.h>
#include <stdint.h>

#include "iotsign/sha512.h"
#include "iotsign/status.h"

#define IOTSIGN_ED25519_KEY_SIZE 32u
#define IOTSIGN_ED25519_SIGNATURE_SIZE 64u

/* Of one verification whose message comes in parts. */
typedef struct {
    iotsign_sha512_t hash;
    uint8_t public_key[IOTSIGN_ED25519_KEY_SIZE];
    uint8_t signature[IOTSIGN_ED25519_SIGNATURE_SIZE];
} iotsign_ed25519_t;

/* Begin; key and signature are copied. *context may only be used further after IOTSIGN_OK.
 * IOTSIGN_ERROR_MALFORMED: signature_length is not 64. */
iotsign_status_t iotsign_ed25519_init(iotsign_ed25519_t *context, const uint8_t public_key[IOTSIGN_ED25519_KEY_SIZE],
                                      const uint8_t *signature, size_t signature_length);

/* The next part of the message; length may be 0, and data NULL then. */
void iotsign_ed25519_update(iotsign_ed25519_t *context, const void *data, size_t length);

/* The verdict. The context must be initialised again before its next use.
 * IOTSIGN_ERROR_MALFORMED: S is not below the group order.
 * IOTSIGN_ERROR_KEY:       the key does not decode to a point, not canonically, or not to one of prime order.
 * IOTSIGN_ERROR_SIGNATURE: not a signature of this message by this key. */
iotsign_status_t iotsign_ed25519_finish(iotsign_ed25519_t *context);

/* All three in one; returns what they return. */
iotsign_status_t iotsign_ed25519_verify(const uint8_t public_key[IOTSIGN_ED25519_KEY_SIZE], const void *message,
                                        size_t message_length, const uint8_t *signature, size_t signature_length);

#endif
