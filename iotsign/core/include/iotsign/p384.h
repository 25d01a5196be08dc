/* ECDSA over NIST P-384 (secp384r1): verification only.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Keys, digests and signatures are public: the time taken depends on them. */
#ifndef IOTSIGN_P384_H
#define IOTSIGN_P384_H

#include <stddef.h>
#include <stdint.h>

#include "iotsign/status.h"

#define IOTSIGN_P384_KEY_SIZE 97u       /* 04 ‖ x ‖ y, x and y big-endian; compressed points are not supported */
#define IOTSIGN_P384_SIGNATURE_SIZE 96u /* r ‖ s, each big-endian */

/* Whether this is a point of the curve.
 * IOTSIGN_ERROR_KEY: not uncompressed (so infinity as well), a coordinate not below p, or not on the curve. */
iotsign_status_t iotsign_p384_validate_key(const uint8_t public_key[IOTSIGN_P384_KEY_SIZE]);

/* Verify a signature of a message whose SHA-256, SHA-384 or SHA-512 digest this is (32, 48 or 64 bytes; ECDSA uses at
 * most the first 48). The key is validated too. A signature that verifies has a second form, (r, n - s): never use its
 * bytes as an identifier.
 * IOTSIGN_ERROR_ARGUMENT:  digest_length is none of these; SHA-1 is not supported.
 * IOTSIGN_ERROR_KEY:       see iotsign_p384_validate_key.
 * IOTSIGN_ERROR_MALFORMED: r or s is 0 or not below n.
 * IOTSIGN_ERROR_SIGNATURE: not a signature of this digest by this key. */
iotsign_status_t iotsign_p384_verify_digest(const uint8_t public_key[IOTSIGN_P384_KEY_SIZE], const uint8_t *digest,
                                            size_t digest_length,
                                            const uint8_t signature_rs[IOTSIGN_P384_SIGNATURE_SIZE]);

#endif
