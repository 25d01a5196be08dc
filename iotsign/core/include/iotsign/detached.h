/* A detached signature over a part of a region, as AWS Signer makes them (SHA256withECDSA, SHA1withRSA, …).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_DETACHED_H
#define IOTSIGN_DETACHED_H

#include <stddef.h>
#include <stdint.h>

#include "iotsign/region.h"
#include "iotsign/verifier.h"

/* What is to be believed, and why. Nothing of it is written to. */
typedef struct {
    const iotsign_region_t *region;
    uint32_t offset; /* of the signed bytes in the region */
    uint32_t length;
    const iotsign_verifier_t *verifier;
    const uint8_t *spki; /* the trusted key, SubjectPublicKeyInfo in DER */
    size_t spki_length;
    const uint8_t *signature; /* ECDSA: DER; RSA: as long as the modulus; Ed25519: 64 bytes */
    size_t signature_length;
} iotsign_detached_t;

/* Read the signed bytes once, front to back, and verify the signature over them. scratch->buffer_size is at least 1, better
 * some hundreds.
 * IOTSIGN_ERROR_SPACE:     buffer_size is 0, or work_size is less than the verifier needs.
 * IOTSIGN_ERROR_KEY:       the key is of another kind than the verifier's, or not acceptable to it.
 * IOTSIGN_ERROR_MALFORMED: the key or the signature is not what it should be, or offset and length leave the region.
 * IOTSIGN_ERROR_READ:      the region's read function failed.
 * IOTSIGN_ERROR_SIGNATURE: not a signature of these bytes by this key.
 * IOTSIGN_ERROR_UNSUPPORTED: the key's algorithm, or a hash that the scheme does not know. */
iotsign_status_t iotsign_detached_verify(const iotsign_detached_t *claim, const iotsign_scratch_t *scratch);

#endif
