/* SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/p256.h"

#include "ecdsa_limb.h"

#define SIZE 32u

#if defined(IOTSIGN_PROFILE_SMALL)
#define BASE_WINDOW 4
#define KEY_WINDOW 4
#else
#define FIELD_UNROLLED
#define BASE_WINDOW 6
#define KEY_WINDOW 5
#endif

/* p + 1 = 2^256 - 2^224 + 2^192 + 2^96 */
#if defined(WIDE_LIMBS)
#define LIMBS 5
#define LIMB_BITS 53
#define FIELD_FOLD(column)                                                                                             \
    FOLD_ADD(column, 1, 43) FOLD_ADD(column, 3, 33) FOLD_SUBTRACT(column, 4, 12) FOLD_ADD(column, 4, 44)
#else
#define LIMBS 9
#define LIMB_BITS 29
#define FIELD_FOLD(column)                                                                                             \
    FOLD_ADD(column, 3, 9) FOLD_ADD(column, 6, 18) FOLD_SUBTRACT(column, 7, 21) FOLD_ADD(column, 8, 24)
#endif

#include "ecdsa_field.h"

typedef struct {
    element_t x, y;
} affine_t;

#include "p256_constants.h"

#include "ecdsa_curve.h"

iotsign_status_t iotsign_p256_validate_key(const uint8_t public_key[IOTSIGN_P256_KEY_SIZE])
{
    element_t x, y;

    return key_load(x, y, public_key);
}

iotsign_status_t iotsign_p256_verify_digest(const uint8_t public_key[IOTSIGN_P256_KEY_SIZE], const uint8_t *digest,
                                            size_t digest_length,
                                            const uint8_t signature_rs[IOTSIGN_P256_SIGNATURE_SIZE])
{
    return signature_verify(public_key, digest, digest_length, signature_rs);
}
