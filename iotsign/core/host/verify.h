/* Verification by the algorithm's name: what a device does with the one algorithm that it links, for all of them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_VERIFY_H
#define IOTSIGN_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iotsign/ed25519.h"
#include "iotsign/hash.h"

#include "fault.h"

typedef struct {
    const uint8_t *data;
    size_t length; /* bytes */
} iotsign_bytes_t;

typedef struct iotsign_signature_algorithm iotsign_signature_algorithm_t;

/* The algorithm with this JCA name, exactly as iotsign/algorithms.py spells it, or NULL. */
const iotsign_signature_algorithm_t *iotsign_signature_algorithm_find(const char *name);

/* The hash over the message; NULL for Ed25519, which hashes by itself. */
const iotsign_hash_class_t *iotsign_signature_algorithm_hash(const iotsign_signature_algorithm_t *algorithm);

/* Verifies a signature over a digest, or over a message if the algorithm has no hash. The key is SubjectPublicKeyInfo, DER.
 *
 * IOTSIGN_OK
 * IOTSIGN_ERROR_SIGNATURE  not a signature of this by this key
 * IOTSIGN_ERROR_MALFORMED  the signature is not the one encoding of a value in range, or the digest has another length
 * IOTSIGN_ERROR_KEY        the key is malformed, not acceptable or not of the algorithm's family
 * The latter three with *fault. */
iotsign_status_t iotsign_signature_verify(
    const iotsign_signature_algorithm_t *algorithm, iotsign_bytes_t public_key, iotsign_bytes_t digest_or_message,
    iotsign_bytes_t signature, iotsign_fault_t *fault);

/* Begins the verification of an Ed25519 signature over a message that comes in parts, to iotsign_ed25519_update. The key is
 * SubjectPublicKeyInfo, DER. Returns IOTSIGN_OK, or as iotsign_signature_verify with *fault. */
iotsign_status_t iotsign_ed25519_begin(
    iotsign_ed25519_t *context, iotsign_bytes_t public_key, iotsign_bytes_t signature, iotsign_fault_t *fault);

/* The verdict; the context must be begun again before its next use. Returns as iotsign_signature_verify. */
iotsign_status_t iotsign_ed25519_end(iotsign_ed25519_t *context, iotsign_fault_t *fault);

#endif
