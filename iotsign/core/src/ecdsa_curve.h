/* ECDSA verification over one curve y² = x³ - 3x + b of prime order: what p256.c and p384.c have in common. Each of
 * them defines its constants first and includes this file once.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A point is (x/z², y/z³); infinity has z = 0, as an integer. The bounds: x in (-3, 2), y in (-2, 2), z in (-1, 2). */
#ifndef IOTSIGN_ECDSA_CURVE_H
#define IOTSIGN_ECDSA_CURVE_H

#include "iotsign/status.h"

typedef struct {
    element_t x, y, z;
} point_t;

/* Whether a product, which is in (-1, 2), stands for zero. */
static int product_is_zero(const element_t product)
{
    return element_is_zero(product) || memcmp(product, field.value, sizeof(element_t)) == 0;
}

/* result = 3/2 * number, in (-3/2, 7/2) for a product; may alias. */
static void field_scale_three_halves(element_t result, const element_t number)
{
    limb_t odd = -(number[0] & 1);
    limb_t carry = 3 * number[0] + (field.value[0] & odd);
    limb_t low = carry & LIMB_MASK;

    /* 3 * number, plus the prime if that is odd, then halved */
    LIMB_LOOP
    for (int i = 1; i < LIMBS; i++) {
        carry >>= LIMB_BITS;
        carry += 3 * number[i] + (field.value[i] & odd);
        result[i - 1] = low >> 1 | (carry & 1) << (LIMB_BITS - 1);
        low = carry & LIMB_MASK;
    }
    result[LIMBS - 1] = carry >> 1;
}

/* Double in place; infinity stays what it is. */
static void point_double(point_t *point)
{
    element_t delta, gamma, beta, alpha, t;

    field_square(delta, point->z);
    field_square(gamma, point->y);
    field_multiply(beta, point->x, gamma);
    /* alpha = 3/2 (x - delta)(x + delta): half the usual slope, which gives z = yz instead of 2yz */
    element_subtract(t, point->x, delta);
    element_add(alpha, point->x, delta);
    field_multiply(alpha, alpha, t);
    field_scale_three_halves(alpha, alpha);
    field_multiply(point->z, point->y, point->z);
    /* x = alpha² - 2 beta */
    field_square(t, alpha);
    element_subtract_twice(point->x, t, beta);
    /* y = alpha (beta - x) - gamma² */
    element_subtract(t, beta, point->x);
    field_multiply(t, alpha, t);
    field_square(gamma, gamma);
    element_subtract(point->y, t, gamma);
}

/* Add (x, y), or (x, -y), in place. `ratio` receives the new z divided by the old one, unless either was zero. */
static void point_add(point_t *sum, const element_t x, const element_t y, int negative, element_t ratio)
{
    static const element_t zero = {0};
    element_t r, hh, rr, v;

    if (element_is_zero(sum->z)) {
        memcpy(sum->x, x, sizeof(element_t));
        memcpy(sum->y, y, sizeof(element_t));
        memcpy(sum->z, field_one, sizeof(element_t));
        if (negative) {
            element_subtract(sum->y, zero, y);
        }
        return;
    }
    /* bring both to a common z: h = x₂ - x₁, r = y₂ - y₁ */
    field_square(hh, sum->z);
    field_multiply(r, hh, sum->z);
    field_multiply(hh, x, hh);
    element_subtract(ratio, hh, sum->x);
    field_multiply(r, y, r);
    if (negative) {
        element_subtract(r, zero, r);
    }
    element_subtract(r, r, sum->y);
    field_square(hh, ratio);
    field_square(rr, r);
    if (product_is_zero(hh)) {
        if (product_is_zero(rr)) {
            point_double(sum); /* the same point */
        } else {
            memset(sum, 0, sizeof *sum); /* opposite points */
        }
        return;
    }
    field_multiply(sum->z, sum->z, ratio);
    field_multiply(v, sum->x, hh);
    field_multiply(hh, hh, ratio);
    /* x = r² - h³ - 2 x₁h² */
    element_subtract(rr, rr, hh);
    element_subtract_twice(sum->x, rr, v);
    /* y = r (x₁h² - x) - y₁h³ */
    element_subtract(v, v, sum->x);
    field_multiply(v, r, v);
    field_multiply(hh, sum->y, hh);
    element_subtract(sum->y, v, hh);
}

/* result = 1 / number modulo p, for any number but zero; in (-1, 2). */
static void field_invert(element_t result, const element_t number)
{
    element_t inverse;

    /* number = aR, inverse = 1/(aR), wanted R/a = inverse * R² * R² / R / R */
    residue_invert(inverse, number, &field);
    field_multiply(inverse, inverse, field.radix_squared);
    field_multiply(result, inverse, field.radix_squared);
}

#define KEY_POINTS (1 << (KEY_WINDOW - 2))

/* table = Q, 3Q, 5Q, … */
static void table_fill(affine_t table[KEY_POINTS], const element_t key_x, const element_t key_y)
{
    element_t ratio[KEY_POINTS], inverse, t;
    point_t twice, point;

    memset(&twice, 0, sizeof twice);
    point_add(&twice, key_x, key_y, 0, t);
    memcpy(&point, &twice, sizeof point);
    point_double(&twice);
    /* Scale all points by the z of 2Q, which becomes 1 so: the formula for adding holds on the scaled curve too. */
    field_square(t, twice.z);
    field_multiply(point.x, point.x, t);
    field_multiply(t, t, twice.z);
    field_multiply(point.y, point.y, t);
    memcpy(&table[0], &point, sizeof table[0]); /* x and y */
    for (int i = 1; i < KEY_POINTS; i++) {
        point_add(&point, twice.x, twice.y, 0, ratio[i]);
        memcpy(&table[i], &point, sizeof table[i]);
    }
    /* Scale back, and bring every z to 1, with one inversion. */
    field_multiply(t, point.z, twice.z);
    field_invert(inverse, t);
    for (int i = KEY_POINTS; i-- > 0;) {
        field_square(t, inverse);
        field_multiply(table[i].x, table[i].x, t);
        field_multiply(t, t, inverse);
        field_multiply(table[i].y, table[i].y, t);
        if (i > 0) {
            field_multiply(inverse, inverse, ratio[i]);
        }
    }
}

/* A scalar, read from its topmost bit in windows of `width` signed digits, each k[i-1] - k[i] for the bits k of the
 * scalar: an odd multiplier below 2^(width-1) in magnitude, and the position where it is to be added.
 * Source: K. Okeya, K. Schmidt-Samoa, C. Spahn, T. Takagi, "Signed Binary Representations Revisited", CRYPTO 2004. */
typedef struct {
    const limb_t *limb; /* of the next bit to read */
    unsigned bits_left;  /* in that limb */
    unsigned limbs_left; /* below that limb */
    unsigned width;
    unsigned window; /* the current bit and `width` bits below it */
    unsigned busy;   /* digits of the current window that are still to come */
    int wait;        /* digits until `multiplier` is to be added, if busy */
    int multiplier;
} recoder_t;

static void recoder_read_bit(recoder_t *recoder)
{
    unsigned bit = 0;

    if (recoder->bits_left == 0 && recoder->limbs_left > 0) {
        recoder->limbs_left--;
        recoder->limb--;
        recoder->bits_left = LIMB_BITS;
    }
    if (recoder->bits_left > 0) {
        recoder->bits_left--;
        bit = (unsigned)((unsigned_limb_t)*recoder->limb >> recoder->bits_left & 1u);
    }
    recoder->window = (recoder->window << 1 | bit) & ((2u << recoder->width) - 1u);
}

/* For a scalar in [0, 2^(LIMBS * LIMB_BITS)). */
static void recoder_init(recoder_t *recoder, const element_t scalar, unsigned width)
{
    recoder->limb = scalar + LIMBS;
    recoder->bits_left = 0;
    recoder->limbs_left = LIMBS;
    recoder->width = width;
    recoder->window = 0;
    recoder->busy = 0;
    for (unsigned i = 0; i < width; i++) {
        recoder_read_bit(recoder);
    }
}

/* Go on to the next lower bit; returns what is to be added there, or 0. */
static int recoder_next(recoder_t *recoder)
{
    unsigned width = recoder->width;

    recoder_read_bit(recoder);
    if (recoder->busy == 0) {
        unsigned above = recoder->window >> 1, below = recoder->window & ((1u << width) - 1u);
        if ((above ^ below) >> (width - 1u) == 0) {
            return 0;
        }
        recoder->busy = width;
        recoder->wait = (int)width - 1;
        recoder->multiplier = (int)below - (int)above;
        while ((recoder->multiplier & 1) == 0) {
            recoder->multiplier /= 2;
            recoder->wait--;
        }
    }
    recoder->busy--;
    return recoder->wait-- == 0 ? recoder->multiplier : 0;
}

static void point_add_multiple(point_t *sum, const affine_t *table, int multiplier)
{
    const affine_t *entry = &table[(multiplier < 0 ? -multiplier : multiplier) / 2];
    element_t ratio;

    point_add(sum, entry->x, entry->y, multiplier < 0, ratio);
}

/* point = u₁G + u₂Q, for scalars in [0, 2^(LIMBS * LIMB_BITS)) and Q on the curve. */
static void point_multiply(point_t *point, const element_t u1, const element_t u2, const element_t key_x,
                           const element_t key_y)
{
    affine_t table[KEY_POINTS];
    recoder_t base, key;

    table_fill(table, key_x, key_y);
    recoder_init(&base, u1, BASE_WINDOW);
    recoder_init(&key, u2, KEY_WINDOW);
    memset(point, 0, sizeof *point);
    for (int bits = LIMBS * LIMB_BITS; bits > 0; bits--) {
        int multiplier;
        point_double(point);
        multiplier = recoder_next(&base);
        if (multiplier != 0) {
            point_add_multiple(point, base_table, multiplier);
        }
        multiplier = recoder_next(&key);
        if (multiplier != 0) {
            point_add_multiple(point, table, multiplier);
        }
    }
}

/* Public key validation (SP 800-56A Rev. 3 §5.6.2.3.3; the curve's cofactor is 1). */
static iotsign_status_t key_load(element_t x, element_t y, const uint8_t public_key[1 + 2 * SIZE])
{
    element_t left, right;

    /* 1. A point other than infinity, uncompressed. */
    if (public_key[0] != 0x04u) {
        return IOTSIGN_ERROR_KEY;
    }
    /* 2. Coordinates in [0, p). */
    element_load(x, public_key + 1, SIZE);
    element_load(y, public_key + 1 + SIZE, SIZE);
    if (!element_is_less(x, field.value) || !element_is_less(y, field.value)) {
        return IOTSIGN_ERROR_KEY;
    }
    /* 3. On the curve: y² = (x² - 3)x + b. */
    field_multiply(x, x, field.radix_squared);
    field_multiply(y, y, field.radix_squared);
    field_square(right, x);
    element_subtract_twice(right, right, field_one);
    element_subtract(right, right, field_one);
    field_multiply(right, right, x);
    element_add(right, right, curve_b);
    field_square(left, y);
    element_subtract(left, left, right);
    field_square(left, left);
    return product_is_zero(left) ? IOTSIGN_OK : IOTSIGN_ERROR_KEY;
}

/* Load r or s; fails unless it is in [1, n). */
static int scalar_load(element_t scalar, const uint8_t bytes[SIZE])
{
    element_load(scalar, bytes, SIZE);
    return !element_is_zero(scalar) && element_is_less(scalar, order.value);
}

/* Signature verification (FIPS 186-5 §6.4.2). Step 2, hashing, is the caller's. */
static iotsign_status_t signature_verify(const uint8_t public_key[1 + 2 * SIZE], const uint8_t *digest,
                                         size_t digest_length, const uint8_t signature_rs[2 * SIZE])
{
    element_t r, s, u1, u2, x, y;
    point_t point;
    iotsign_status_t status;

    if (digest_length != 32u && digest_length != 48u && digest_length != 64u) {
        return IOTSIGN_ERROR_ARGUMENT;
    }
    status = key_load(x, y, public_key);
    if (status != IOTSIGN_OK) {
        return status;
    }
    /* 1. r and s in [1, n). */
    if (!scalar_load(r, signature_rs) || !scalar_load(s, signature_rs + SIZE)) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    /* 3. e is the leftmost bits of the digest; it may exceed n. */
    element_load(u1, digest, digest_length < SIZE ? digest_length : SIZE);
    /* 4. s⁻¹ modulo n, in Montgomery form. */
    residue_invert(u2, s, &order);
    residue_multiply(s, u2, order.radix_squared, &order);
    /* 5. u₁ = e/s and u₂ = r/s modulo n; they may exceed n. */
    residue_multiply(u1, u1, s, &order);
    residue_multiply(u2, r, s, &order);
    /* 6. u₁G + u₂Q; infinity is no signature. */
    point_multiply(&point, u1, u2, x, y);
    if (element_is_zero(point.z)) {
        return IOTSIGN_ERROR_SIGNATURE;
    }
    /* 7., 8. r = x/z² modulo n: x = rz² modulo p for this r, or for r + n if that is below p. */
    field_square(point.z, point.z);
    field_multiply(point.z, point.z, field.radix_squared);
    do {
        field_multiply(x, r, point.z);
        element_subtract(x, x, point.x);
        field_square(x, x);
        if (product_is_zero(x)) {
            return IOTSIGN_OK;
        }
        element_add(r, r, order.value);
    } while (element_is_less(r, field.value));
    return IOTSIGN_ERROR_SIGNATURE;
}

#endif
