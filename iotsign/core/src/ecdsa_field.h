/* Arithmetic modulo the prime and modulo the order of one curve: what p256.c and p384.c have in common. Each of them
 * defines LIMBS and LIMB_BITS first and includes this file once.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Verification handles no secret: time and memory accesses depend on the data throughout.
 *
 * A number is LIMBS limbs of LIMB_BITS bits, least significant first. Every limb is in [0, 2^LIMB_BITS) but for the topmost,
 * which holds the sign and all that lies above. So each integer has one form, there is room to add up a column of a
 * product in 64 bits, and sums and differences need not be reduced: a number stands for its residue, and may be any
 * small multiple of the modulus m away from it. Bounds are written as multiples of m: "in (-1, 2)" is -m < a < 2m.
 *
 * Residues are in Montgomery form: a stands for a / R modulo m, with R = 2^(LIMBS * LIMB_BITS) >= 32m.
 *
 * Right shifts of negative numbers must be arithmetic, as they are with every compiler for the supported targets. */
#ifndef IOTSIGN_ECDSA_FIELD_H
#define IOTSIGN_ECDSA_FIELD_H

#include <stddef.h>
#include <stdint.h>

#include "compiler.h"
#include "memory.h"

#define LIMB_MASK ((1 << LIMB_BITS) - 1)

typedef char right_shift_is_arithmetic[(-1 >> 1) == -1 ? 1 : -1];
typedef int32_t element_t[LIMBS];

typedef struct {
    element_t value;
    element_t radix_squared; /* R² modulo the value */
    uint32_t inverse;        /* -1 / value modulo 2^LIMB_BITS */
} modulus_t;

/* Big-endian bytes, at most LIMBS * LIMB_BITS bits of them, to a number. */
static void element_load(element_t result, const uint8_t *bytes, size_t length)
{
    unsigned limb = 0, used = 0;

    memset(result, 0, sizeof(element_t));
    while (length-- > 0) {
        unsigned byte = bytes[length], fits = LIMB_BITS - used;
        if (fits > 8) {
            fits = 8;
        }
        result[limb] |= (int32_t)((byte & ((1u << fits) - 1u)) << used);
        used += fits;
        if (used == LIMB_BITS) {
            limb++;
            used = 8 - fits;
            if (used != 0) {
                result[limb] = (int32_t)(byte >> fits);
            }
        }
    }
}

/* Whether left < right, as integers. */
static int element_is_less(const element_t left, const element_t right)
{
    unsigned i = LIMBS - 1;

    while (i > 0 && left[i] == right[i]) {
        i--;
    }
    return left[i] < right[i];
}

static int element_is_zero(const element_t number)
{
    int32_t bits = 0;

    for (unsigned i = 0; i < LIMBS; i++) {
        bits |= number[i];
    }
    return bits == 0;
}

/* result = left + factor * right for factors -2, -1 and 1; may alias. */
static void element_combine(element_t result, const element_t left, int32_t factor, const element_t right)
{
    int32_t carry = 0;

    for (unsigned i = 0; i < LIMBS - 1; i++) {
        carry += left[i] + factor * right[i];
        result[i] = carry & LIMB_MASK;
        carry >>= LIMB_BITS;
    }
    result[LIMBS - 1] = left[LIMBS - 1] + factor * right[LIMBS - 1] + carry;
}

/* result = left * right / R modulo m, column by column; may alias.
 * For |left * right| < k m², the result is in (-k/32, 1 + k/32). */
IOTSIGN_WRAPS static void residue_multiply(element_t result, const element_t left, const element_t right,
                                           const modulus_t *modulus)
{
    element_t quotient = {0};
    int64_t sum = 0;

    for (unsigned column = 0; column < 2 * LIMBS - 1; column++) {
        unsigned first = column < LIMBS ? 0 : column - (LIMBS - 1);
        unsigned last = column < LIMBS ? column : LIMBS - 1;
        for (unsigned i = first; i <= last; i++) {
            sum += (int64_t)left[i] * right[column - i];
            sum += (int64_t)quotient[i] * modulus->value[column - i];
        }
        if (column < LIMBS) {
            /* this multiple of the modulus makes the column a multiple of 2^LIMB_BITS */
            quotient[column] = (int32_t)((uint32_t)sum * modulus->inverse & (uint32_t)LIMB_MASK);
            sum += (int64_t)quotient[column] * modulus->value[0];
        } else {
            result[column - LIMBS] = (int32_t)(sum & LIMB_MASK);
        }
        sum >>= LIMB_BITS;
    }
    result[LIMBS - 1] = (int32_t)sum;
}

/* result = 1 / number modulo m, for a number in Montgomery form and prime m (Fermat); no aliasing. */
static void residue_invert(element_t result, const element_t number, const modulus_t *modulus)
{
    element_t exponent;

    memcpy(exponent, modulus->value, sizeof exponent);
    exponent[0] -= 2; /* stays positive for both orders */
    memcpy(result, number, sizeof(element_t)); /* for the topmost bit */
    unsigned bit = (SIZE * 8u - 1u) % LIMB_BITS;
    for (unsigned limb = LIMBS; limb-- > 0; bit = LIMB_BITS) {
        while (bit-- > 0) {
            residue_multiply(result, result, result, modulus);
            if ((exponent[limb] >> bit & 1) != 0) {
                residue_multiply(result, result, number, modulus);
            }
        }
    }
}

#endif
