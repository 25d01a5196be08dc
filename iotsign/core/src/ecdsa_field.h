/* Arithmetic modulo the prime and modulo the order of one curve: what p256.c and p384.c have in common. Each of them
 * defines LIMBS, LIMB_BITS and FIELD_FOLD first and includes this file once.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Verification handles no secret: time and memory accesses depend on the data throughout.
 *
 * A number is LIMBS limbs of LIMB_BITS bits, least significant first. Every limb is in [0, 2^LIMB_BITS) but for the
 * topmost, which holds the sign and all that lies above. So each integer has one form, there is room to add up a column
 * of a product in two words, and sums and differences need not be reduced: a number stands for its residue, and may be
 * any small multiple of the modulus m away from it. Bounds are written as multiples of m: "in (-1, 2)" is -m < a < 2m.
 *
 * Residues are in Montgomery form: a stands for a / R modulo m, with R = 2^(LIMBS * LIMB_BITS) >= 32m. */
#ifndef IOTSIGN_ECDSA_FIELD_H
#define IOTSIGN_ECDSA_FIELD_H

#include <stddef.h>
#include <stdint.h>

#include "column.h"
#include "compiler.h"
#include "memory.h"

/* As with every compiler for the supported targets. */
typedef char right_shift_is_arithmetic[(-1 >> 1) == -1 ? 1 : -1];

typedef limb_t element_t[LIMBS];

typedef struct {
    element_t value;
    element_t radix_squared; /* R² modulo the value */
    unsigned_limb_t inverse; /* -1 / value modulo 2^LIMB_BITS */
} modulus_t;

/* Big-endian bytes, at most LIMBS * LIMB_BITS bits of them, to a number. */
static IOTSIGN_OUTLINE void element_load(element_t result, const uint8_t *bytes, size_t length)
{
    unsigned limb = 0, used = 0;

    memset(result, 0, sizeof(element_t));
    while (length > 0) {
        unsigned byte = bytes[--length], fits = LIMB_BITS - used;
        if (fits > 8) {
            fits = 8;
        }
        result[limb] |= (limb_t)(byte & ((1u << fits) - 1u)) << used;
        used += fits;
        if (used == LIMB_BITS) {
            limb++;
            result[limb] = (limb_t)(byte >> fits);
            used = 8 - fits;
        }
    }
}

/* Whether left < right, as integers. */
static int element_is_less(const element_t left, const element_t right)
{
    int i = LIMBS - 1;

    while (i > 0 && left[i] == right[i]) {
        i--;
    }
    return left[i] < right[i];
}

static int element_is_zero(const element_t number)
{
    limb_t bits = 0;

    for (int i = 0; i < LIMBS; i++) {
        bits |= number[i];
    }
    return bits == 0;
}

/* result = left + factor * right for factors -2, -1 and 1; may alias. */
static IOTSIGN_INLINE void element_combine(element_t result, const element_t left, limb_t factor,
                                           const element_t right)
{
    limb_t carry = 0;

    LIMB_LOOP
    for (int i = 0; i < LIMBS - 1; i++) {
        carry += left[i] + factor * right[i];
        result[i] = carry & LIMB_MASK;
        carry >>= LIMB_BITS;
    }
    result[LIMBS - 1] = left[LIMBS - 1] + factor * right[LIMBS - 1] + carry;
}

static IOTSIGN_OUTLINE void element_add(element_t result, const element_t left, const element_t right)
{
    element_combine(result, left, 1, right);
}

static IOTSIGN_OUTLINE void element_subtract(element_t result, const element_t left, const element_t right)
{
    element_combine(result, left, -1, right);
}

/* result = left - 2 * right; may alias. */
static IOTSIGN_OUTLINE void element_subtract_twice(element_t result, const element_t left, const element_t right)
{
    element_combine(result, left, -2, right);
}

/* result = left * right / R modulo m, column by column; may alias.
 * For |left * right| < k m², the result is in (-k/32, 1 + k/32). */
IOTSIGN_WRAPS static void residue_multiply(element_t result, const element_t left, const element_t right,
                                           const modulus_t *modulus)
{
    element_t quotient = {0};
    column_t sum = COLUMN_ZERO;

    for (int column = 0; column < 2 * LIMBS - 1; column++) {
        int first = column < LIMBS ? 0 : column - (LIMBS - 1);
        int count = column - 2 * first + 1;
        column_add_products(&sum, left + first, right + (column - first), count);
        column_add_products(&sum, quotient + first, modulus->value + (column - first), count);
        if (column < LIMBS) {
            /* this multiple of the modulus makes the column a multiple of 2^LIMB_BITS */
            quotient[column] = (limb_t)(column_low(&sum) * modulus->inverse & (unsigned_limb_t)LIMB_MASK);
            column_add_product(&sum, quotient[column], modulus->value[0]);
            column_take(&sum);
        } else {
            result[column - LIMBS] = column_take(&sum);
        }
    }
    result[LIMBS - 1] = (limb_t)column_low(&sum);
}

/* result = (ax + by) / 2^LIMB_BITS modulo m, which adds less than m; without m where that is exact. May alias. */
IOTSIGN_WRAPS static IOTSIGN_OUTLINE void element_mix(element_t result, limb_t a, const element_t x, limb_t b,
                                                      const element_t y, const modulus_t *modulus)
{
    column_t sum = COLUMN_ZERO;
    limb_t quotient = 0;

    for (int i = 0; i < LIMBS; i++) {
        limb_t limb;
        column_add_product(&sum, a, x[i]);
        column_add_product(&sum, b, y[i]);
        if (modulus != NULL) {
            if (i == 0) {
                quotient = (limb_t)(column_low(&sum) * modulus->inverse & (unsigned_limb_t)LIMB_MASK);
            }
            column_add_product(&sum, quotient, modulus->value[i]);
        }
        limb = column_take(&sum);
        if (i > 0) { /* the lowest limb is zero */
            result[i - 1] = limb;
        }
    }
    result[LIMBS - 1] = (limb_t)column_low(&sum);
}

/* What some steps of the extended Euclidean algorithm do to a pair of numbers: (x, y) becomes (ux + vy, qx + ry). */
typedef struct {
    limb_t u, v, q, r;
} transition_t;

static void transition_apply(element_t x, element_t y, const transition_t *step, const modulus_t *modulus)
{
    element_t t;

    element_mix(t, step->u, x, step->v, y, modulus);
    element_mix(y, step->q, x, step->r, y, modulus);
    memcpy(x, t, sizeof t);
}

/* result = 1 / number modulo a prime m of which the number is no multiple, as integers; in [0, 32m); no aliasing.
 * Source: D. J. Bernstein, B.-Y. Yang, "Fast constant-time gcd computation and modular inversion", TCHES 2019/3, with
 * delta starting at 1/2. */
static void residue_invert(element_t result, const element_t number, const modulus_t *modulus)
{
    element_t e = {1}, f, g;
    int delta = 1; /* doubled */

    memset(result, 0, sizeof(element_t));
    memcpy(f, modulus->value, sizeof f);
    memcpy(g, number, sizeof g);
    /* result = f / number and e = g / number, modulo m, while f and g shrink to +-1 and 0 */
    do {
        transition_t step = {1, 0, 0, 1};
        limb_t low_f = f[0], low_g = g[0];
        for (int i = 0; i < LIMB_BITS; i++) {
            if ((low_g & 1) != 0) {
                if (delta > 0) {
                    transition_t old = step;
                    limb_t old_f = low_f;
                    delta = -delta;
                    low_f = low_g;
                    low_g = -old_f;
                    step.u = old.q;
                    step.v = old.r;
                    step.q = -old.u;
                    step.r = -old.v;
                }
                low_g += low_f;
                step.q += step.u;
                step.r += step.v;
            }
            delta += 2;
            low_g >>= 1;
            step.u *= 2;
            step.v *= 2;
        }
        transition_apply(result, e, &step, modulus);
        transition_apply(f, g, &step, NULL);
    } while (!element_is_zero(g));
    if (f[LIMBS - 1] < 0) {
        element_subtract(result, g, result);
    }
    while (result[LIMBS - 1] < 0) {
        element_add(result, result, modulus->value);
    }
}

/* Multiplication modulo the prime. If p = -1 modulo 2^LIMB_BITS, the lowest limb of a column is the digit of the
 * quotient itself; p + 1 is a sum of few powers of 2, and FIELD_FOLD(column) adds the multiples of them that reach a
 * column: its FOLD_ADD(column, distance, bits) is for the term 2^(distance * LIMB_BITS + bits), FOLD_SUBTRACT for a
 * negative one. FOLD_LOWEST(column, bits), the last, is for the term 2^bits of a p = 2^bits - 1 modulo 2^LIMB_BITS: with
 * it the lowest limb is the digit. */
#if defined(FIELD_UNROLLED)

/* all conditions are between constants */
#define FOLD_REACHES(column, distance) ((column) >= (distance) && (column) - (distance) < LIMBS)
#define FOLD_ADD(column, distance, bits)                                                                               \
    if (FOLD_REACHES(column, distance)) {                                                                              \
        column_add_shifted(&sum, quotient[(column) - (distance)], bits);                                               \
    }
#define FOLD_SUBTRACT(column, distance, bits)                                                                          \
    if (FOLD_REACHES(column, distance)) {                                                                              \
        column_subtract_shifted(&sum, quotient[(column) - (distance)], bits);                                          \
    }
#define FOLD_LOWEST(column, bits)                                                                                      \
    if ((column) < LIMBS) {                                                                                            \
        column_add_digit(&sum, bits);                                                                                  \
    }
#define COLUMN(column, TERM)                                                                                           \
    if ((column) < 2 * LIMBS - 1) {                                                                                    \
        TERM(column, 0) TERM(column, 1) TERM(column, 2) TERM(column, 3) TERM(column, 4) TERM(column, 5)                \
        TERM(column, 6) TERM(column, 7) TERM(column, 8) TERM(column, 9) TERM(column, 10) TERM(column, 11)              \
        TERM(column, 12) TERM(column, 13)                                                                              \
        FIELD_FOLD(column)                                                                                             \
        if ((column) < LIMBS) {                                                                                        \
            quotient[column] = column_take(&sum);                                                                      \
        } else {                                                                                                       \
            result[(column) - LIMBS] = column_take(&sum);                                                              \
        }                                                                                                              \
    }
#define COLUMNS(TERM)                                                                                                  \
    COLUMN(0, TERM) COLUMN(1, TERM) COLUMN(2, TERM) COLUMN(3, TERM) COLUMN(4, TERM) COLUMN(5, TERM) COLUMN(6, TERM)    \
    COLUMN(7, TERM) COLUMN(8, TERM) COLUMN(9, TERM) COLUMN(10, TERM) COLUMN(11, TERM) COLUMN(12, TERM)                 \
    COLUMN(13, TERM) COLUMN(14, TERM) COLUMN(15, TERM) COLUMN(16, TERM) COLUMN(17, TERM) COLUMN(18, TERM)              \
    COLUMN(19, TERM) COLUMN(20, TERM) COLUMN(21, TERM) COLUMN(22, TERM) COLUMN(23, TERM) COLUMN(24, TERM)              \
    COLUMN(25, TERM) COLUMN(26, TERM)
#define PRODUCT_TERM(column, i)                                                                                        \
    if ((i) < LIMBS && (i) <= (column) && (column) - (i) < LIMBS) {                                                    \
        column_add_product(&sum, left[i], right[(column) - (i)]);                                                      \
    }
#define SQUARE_TERM(column, i)                                                                                         \
    if (2 * (i) < (column) && (column) - (i) < LIMBS) {                                                                \
        column_add_product(&sum, number[i], twice[(column) - (i)]);                                                    \
    } else if (2 * (i) == (column)) {                                                                                  \
        column_add_product(&sum, number[i], number[i]);                                                                \
    }

static void field_multiply(element_t result, const element_t left, const element_t right)
{
    limb_t quotient[LIMBS];
    column_t sum = COLUMN_ZERO;

    COLUMNS(PRODUCT_TERM)
    result[LIMBS - 1] = (limb_t)column_low(&sum);
}

static void field_square(element_t result, const element_t number)
{
    limb_t quotient[LIMBS], twice[LIMBS];
    column_t sum = COLUMN_ZERO;

    LIMB_LOOP
    for (int i = 1; i < LIMBS; i++) {
        twice[i] = 2 * number[i];
    }
    COLUMNS(SQUARE_TERM)
    result[LIMBS - 1] = (limb_t)column_low(&sum);
}

#else

#define FOLD_ADD(column, distance, bits) column_add_shifted(&sum, digit[(column) - (distance)], bits);
#define FOLD_SUBTRACT(column, distance, bits) column_subtract_shifted(&sum, digit[(column) - (distance)], bits);

/* result = left * right, or left * left if right is 2 * left and is_square is set. */
static void field_multiply_rolled(element_t result, const element_t left, const element_t right, int is_square)
{
    limb_t quotient[3 * LIMBS] = {0}; /* with zeros on both sides */
    limb_t *digit = quotient + LIMBS;
    column_t sum = COLUMN_ZERO;

    for (int column = 0; column < 2 * LIMBS - 1; column++) {
        int first = column < LIMBS ? 0 : column - (LIMBS - 1);
        int count = column - 2 * first + 1;
        if (is_square) {
            if (count % 2 != 0) {
                column_add_product(&sum, left[column / 2], left[column / 2]);
            }
            count /= 2;
        }
        if (count > 0) {
            column_add_products(&sum, left + first, right + (column - first), count);
        }
        FIELD_FOLD(column)
        if (column < LIMBS) {
            digit[column] = column_take(&sum);
        } else {
            result[column - LIMBS] = column_take(&sum);
        }
    }
    result[LIMBS - 1] = (limb_t)column_low(&sum);
}

static void field_multiply(element_t result, const element_t left, const element_t right)
{
    field_multiply_rolled(result, left, right, 0);
}

static void field_square(element_t result, const element_t number)
{
    element_t twice;

    for (int i = 0; i < LIMBS; i++) {
        twice[i] = 2 * number[i];
    }
    field_multiply_rolled(result, number, twice, 1);
}

#endif

#endif
