/* SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7): which algorithm, and where the raw key lies.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_SPKI_H
#define IOTSIGN_SPKI_H

#include <stddef.h>
#include <stdint.h>

#include "iotsign/status.h"

typedef enum {
    IOTSIGN_KEY_P256 = 1, /* key: 65 bytes, 04 ‖ x ‖ y, not yet validated */
    IOTSIGN_KEY_P384,     /* key: 97 bytes, 04 ‖ x ‖ y, not yet validated */
    IOTSIGN_KEY_RSA,      /* key: RSAPublicKey in DER (RFC 8017 §A.1.1), not yet parsed */
    IOTSIGN_KEY_ED25519   /* key: 32 bytes, not yet validated */
} iotsign_key_kind_t;

typedef struct {
    iotsign_key_kind_t kind;
    const uint8_t *key; /* points into the DER */
    size_t length;
} iotsign_spki_t;

/* Parse exactly `length` bytes. *spki is written only on success.
 * IOTSIGN_ERROR_MALFORMED:   not DER, not a SubjectPublicKeyInfo, bytes after it, or parameters that the algorithm must
 *                            not have.
 * IOTSIGN_ERROR_UNSUPPORTED: another algorithm or another named curve.
 * IOTSIGN_ERROR_KEY:         explicit or implicit curve parameters (only named curves can be trusted), or a point or
 *                            key of the wrong length or form; compressed points are refused.
 * Source: RFC 3279 §2.3.1 (RSA), RFC 5480 §2 (EC), RFC 8410 §3, §4 (Ed25519). */
iotsign_status_t iotsign_spki_parse(const uint8_t *der, size_t length, iotsign_spki_t *spki);

#endif
