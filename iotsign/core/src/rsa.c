/* RSA keys and RSAVP1 (RFC 8017 §5.2.2), by Montgomery multiplication.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A number is `count` limbs, the least significant first. R = 2^bits, where bits is the modulus's length, so that R/2 < n < R.
 * Products are below R, not always below n: that saves a comparison each, and the last step reduces fully. */
#include "iotsign/rsa.h"

#include "compiler.h"
#include "iotsign/der.h"
#include "memory.h"
#include "montgomery.h"
#include "multiply.h"

#define LIMB_SIZE (IOTSIGN_LIMB_BITS / 8u)

static iotsign_status_t check_key(const iotsign_rsa_key_t *key)
{
    size_t size = key->size;

    if ((size != 256u && size != 384u && size != 512u) || size > IOTSIGN_RSA_MAX_BITS / 8u ||
        key->modulus[0] < 0x80u || (key->modulus[size - 1u] & 1u) == 0u || key->exponent < 3u ||
        (key->exponent & 1u) == 0u) {
        return IOTSIGN_ERROR_KEY;
    }
    return IOTSIGN_OK;
}

iotsign_status_t iotsign_rsa_key_parse(iotsign_rsa_key_t *key, const uint8_t *der, size_t length)
{
    iotsign_der_t reader = {der, length};
    iotsign_der_t sequence, modulus, exponent;
    iotsign_rsa_key_t candidate;

    if (iotsign_der_read(&reader, IOTSIGN_DER_SEQUENCE, &sequence) != IOTSIGN_OK || reader.length != 0u ||
        iotsign_der_read_unsigned(&sequence, &modulus) != IOTSIGN_OK ||
        iotsign_der_read_unsigned(&sequence, &exponent) != IOTSIGN_OK || sequence.length != 0u) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    candidate.modulus = modulus.data;
    candidate.size = modulus.length;
    candidate.exponent = 0u;
    if (exponent.length > 4u) {
        return IOTSIGN_ERROR_KEY;
    }
    for (size_t i = 0; i < exponent.length; i++) {
        candidate.exponent = candidate.exponent << 8 | exponent.data[i];
    }
    if (check_key(&candidate) != IOTSIGN_OK) {
        return IOTSIGN_ERROR_KEY;
    }
    *key = candidate;
    return IOTSIGN_OK;
}

static void load(iotsign_limb_t *x, const uint8_t *bytes, size_t count)
{
    while (count > 0u) {
        iotsign_double_limb_t limb = 0u;
        for (unsigned i = 0; i < LIMB_SIZE; i++) {
            limb = limb << 8 | *bytes++;
        }
        x[--count] = (iotsign_limb_t)limb;
    }
}

/* `bytes` and x do not overlap. */
static void store(uint8_t *bytes, const iotsign_limb_t *x, size_t count)
{
    while (count > 0u) {
        count--;
        for (unsigned i = IOTSIGN_LIMB_BITS; i > 0u; i -= 8u) {
            *bytes++ = (uint8_t)(x[count] >> (i - 8u) & 0xFFu);
        }
    }
}

static int is_less(const iotsign_limb_t *x, const iotsign_limb_t *y, size_t count)
{
    while (count > 0u) {
        count--;
        if (x[count] != y[count]) {
            return x[count] < y[count];
        }
    }
    return 0;
}

/* x += y modulo R; returns the carry */
static iotsign_limb_t add(iotsign_limb_t *x, const iotsign_limb_t *y, size_t count)
{
    iotsign_limb_t carry = 0u;

    for (size_t i = 0; i < count; i++) {
        x[i] = iotsign_multiply_add(1u, x[i], y[i], carry, &carry);
    }
    return carry;
}

/* x -= n */
static IOTSIGN_WRAPS void subtract(iotsign_limb_t *x, const iotsign_limb_t *n, size_t count)
{
    iotsign_limb_t carry = 1u;

    for (size_t i = 0; i < count; i++) {
        x[i] = iotsign_multiply_add(1u, x[i], (iotsign_limb_t)~n[i], carry, &carry);
    }
}

/* (2^(2·IOTSIGN_LIMB_BITS) - 1) / divisor - 2^IOTSIGN_LIMB_BITS, for a divisor whose top bit is set; 0 for a divisor of
 * 2^IOTSIGN_LIMB_BITS, which comes as 0. Bit by bit: it is done once. */
static IOTSIGN_WRAPS iotsign_limb_t reciprocal(iotsign_limb_t divisor)
{
    iotsign_limb_t remainder = (iotsign_limb_t)~divisor;
    iotsign_limb_t quotient = 0u;

    for (unsigned i = 0; divisor != 0u && i < IOTSIGN_LIMB_BITS; i++) {
        const iotsign_limb_t top = remainder >> (IOTSIGN_LIMB_BITS - 1u);
        remainder = (iotsign_limb_t)(remainder << 1 | 1u);
        quotient = (iotsign_limb_t)(quotient << 1);
        if (top != 0u || remainder >= divisor) {
            remainder = (iotsign_limb_t)(remainder - divisor);
            quotient |= 1u;
        }
    }
    return quotient;
}

/* x = x * R mod n for x < n, a limb at a time; `negated` is R - n. */
static IOTSIGN_WRAPS void enter(iotsign_limb_t *x, const iotsign_limb_t *n, const iotsign_limb_t *negated, size_t count)
{
    const iotsign_limb_t inverse = reciprocal((iotsign_limb_t)(n[count - 1u] + 1u));

    for (size_t i = 0; i < count; i++) {
        /* the quotient of x * 2^IOTSIGN_LIMB_BITS by n, a little too small; x * 2^IOTSIGN_LIMB_BITS - quotient * n is
         * x * 2^IOTSIGN_LIMB_BITS + quotient * (R - n) - quotient * R */
        iotsign_limb_t top = x[count - 1u];
        iotsign_limb_t below = 0u, carry = 0u, quotient;
        (void)iotsign_multiply_add(top, inverse, x[count - 2u], 0u, &quotient);
        quotient = (iotsign_limb_t)(quotient + top);
        for (size_t j = 0; j < count; j++) {
            const iotsign_limb_t limb = x[j];
            x[j] = iotsign_multiply_add(quotient, negated[j], below, carry, &carry);
            below = limb;
        }
        top = (iotsign_limb_t)(top + carry - quotient);
        while (top != 0u || !is_less(x, n, count)) {
            top = (iotsign_limb_t)(top + add(x, negated, count) - 1u);
        }
    }
}

/* r = x * y / R mod n; r differs from x and y, r < R. `inverse` is -1/n mod 2^IOTSIGN_LIMB_BITS. */
static void multiply(iotsign_limb_t *r, const iotsign_limb_t *x, const iotsign_limb_t *y, const iotsign_limb_t *n,
                     iotsign_limb_t inverse, size_t count)
{
    if (montgomery_multiply(r, x, y, n, inverse, count) != 0u) {
        subtract(r, n, count);
    }
}

/* -1/n modulo 2^IOTSIGN_LIMB_BITS by Newton's iteration; n itself is its inverse modulo 8. */
static IOTSIGN_WRAPS iotsign_limb_t negated_inverse(iotsign_limb_t n)
{
    iotsign_limb_t x = n;

    for (unsigned bits = 3u; bits < IOTSIGN_LIMB_BITS; bits *= 2u) {
        x = (iotsign_limb_t)(x * (iotsign_limb_t)(2u - (iotsign_limb_t)(n * x)));
    }
    return (iotsign_limb_t)(0u - x);
}

iotsign_status_t iotsign_rsa_recover(const iotsign_rsa_key_t *key, const uint8_t *signature, size_t length,
                                     iotsign_rsa_work_t *work, uint8_t **encoded)
{
    size_t count = key->size / LIMB_SIZE;
    iotsign_limb_t *n = work->limbs;
    iotsign_limb_t *base = n + count;
    iotsign_limb_t *power = base + count;
    iotsign_limb_t *product = power + count;
    iotsign_limb_t *swap, inverse;
    uint32_t bit = 0x80000000u;

    if (check_key(key) != IOTSIGN_OK) {
        return IOTSIGN_ERROR_KEY;
    }
    /* step 1: the signature representative is an integer below n */
    if (length != key->size) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    load(n, key->modulus, count);
    load(base, signature, count);
    if (!is_less(base, n, count)) {
        return IOTSIGN_ERROR_MALFORMED;
    }

    /* s·R mod n */
    inverse = negated_inverse(n[0]);
    memset(power, 0, key->size);
    subtract(power, n, count);
    enter(base, n, power, count);

    /* step 2: m = s^e mod n, from the exponent's highest bit down; its lowest bit is 1, and multiplying by s itself instead
     * of s·R leaves the Montgomery domain */
    while ((key->exponent & bit) == 0u) {
        bit >>= 1;
    }
    memcpy(power, base, key->size);
    while (bit > 1u) {
        bit >>= 1;
        multiply(product, power, power, n, inverse, count);
        if ((key->exponent & bit) != 0u) {
            if (bit == 1u) {
                load(base, signature, count);
            }
            multiply(power, product, base, n, inverse, count);
        } else {
            swap = power;
            power = product;
            product = swap;
        }
    }
    if (!is_less(power, n, count)) {
        subtract(power, n, count);
    }
    *encoded = (uint8_t *)product;
    store(*encoded, power, count);
    return IOTSIGN_OK;
}
