/* SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/p256.h"

#define SIZE 32u
#define LIMBS 9u
#define LIMB_BITS 29

#if defined(IOTSIGN_PROFILE_SMALL)
#define BASE_WINDOW 4
#define KEY_WINDOW 4
#else
#define BASE_WINDOW 7
#define KEY_WINDOW 5
#endif

#include "ecdsa_field.h"

typedef struct {
    element_t x, y;
} affine_t;

#include "p256_constants.h"

static void field_multiply(element_t result, const element_t left, const element_t right)
{
    residue_multiply(result, left, right, &field);
}

static void field_square(element_t result, const element_t number)
{
    residue_multiply(result, number, number, &field);
}

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
