/* SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/p384.h"

#include "ecdsa_limb.h"

#define SIZE 48u

#if defined(IOTSIGN_PROFILE_SMALL)
#define BASE_WINDOW 4
#define KEY_WINDOW 4
#else
#define FIELD_UNROLLED
#define BASE_WINDOW 6
#define KEY_WINDOW 5
#endif

/* p + 1 = 2^384 - 2^128 - 2^96 + 2^32 */
#if defined(WIDE_LIMBS)
#define LIMBS 7
#define LIMB_BITS 56
#define FIELD_FOLD(column)                                                                                             \
    FOLD_SUBTRACT(column, 1, 40) FOLD_SUBTRACT(column, 2, 16) FOLD_ADD(column, 6, 48) FOLD_LOWEST(column, 32)
#else
#define LIMBS 14
#define LIMB_BITS 28
#define FIELD_FOLD(column)                                                                                             \
    FOLD_ADD(column, 1, 4) FOLD_SUBTRACT(column, 3, 12) FOLD_SUBTRACT(column, 4, 16) FOLD_ADD(column, 13, 20)
#endif

#include "ecdsa_field.h"

typedef struct {
    element_t x, y;
} affine_t;

#include "p384_constants.h"

#include "ecdsa_curve.h"

iotsign_status_t iotsign_p384_validate_key(const uint8_t public_key[IOTSIGN_P384_KEY_SIZE])
{
    element_t x, y;

    return key_load(x, y, public_key);
}

iotsign_status_t iotsign_p384_verify_digest(const uint8_t public_key[IOTSIGN_P384_KEY_SIZE], const uint8_t *digest,
                                            size_t digest_length,
                                            const uint8_t signature_rs[IOTSIGN_P384_SIGNATURE_SIZE])
{
    return signature_verify(public_key, digest, digest_length, signature_rs);
}
