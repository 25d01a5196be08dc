/* Ed25519 verification (RFC 8032 §5.1), with twisted Edwards coordinates of Hisil, Wong, Carter and Dawson (2008).
 * SPDX-License-Identifier: Apache-2.0
 *
 * A field element is a number below 2^256, the least significant limb first; only reduce() brings it below
 * p = 2^255 - 19. A scalar is 256 bits in the same form. */
#include "iotsign/ed25519.h"

#include "compiler.h"
#include "memory.h"
#include "multiply.h"

#define COUNT (256u / IOTSIGN_LIMB_BITS)
#define LIMB_SIZE (IOTSIGN_LIMB_BITS / 8u)

/* a 256-bit constant from its 32-bit words, the least significant first */
#if IOTSIGN_LIMB_BITS == 64u
#define PAIR(low, high) (uint64_t)(high) << 32 | (low)
#define WORDS(a, b, c, d, e, f, g, h) {PAIR(a, b), PAIR(c, d), PAIR(e, f), PAIR(g, h)}
#elif IOTSIGN_LIMB_BITS == 32u
#define WORDS(a, b, c, d, e, f, g, h) {a, b, c, d, e, f, g, h}
#else
#define HALVES(word) (word) & 0xFFFFu, (word) >> 16
#define WORDS(a, b, c, d, e, f, g, h) \
    {HALVES(a), HALVES(b), HALVES(c), HALVES(d), HALVES(e), HALVES(f), HALVES(g), HALVES(h)}
#endif

typedef iotsign_limb_t number_t[COUNT];

/* x = X/Z, y = Y/Z, x·y = T/Z */
typedef struct {
    number_t x, y, z, t;
} point_t;

/* what adding a point needs of it: Y+X, Y-X, 2·d·T, 2·Z */
typedef struct {
    number_t sum, difference, t2d, z2;
} addend_t;

/* -121665/121666 */
static const number_t curve_d =
    WORDS(0x135978a3, 0x75eb4dca, 0x4141d8ab, 0x00700a4d,
          0x7779e898, 0x8cc74079, 0x2b6ffe73, 0x52036cee);
static const number_t twice_curve_d =
    WORDS(0x26b2f159, 0xebd69b94, 0x8283b156, 0x00e0149a,
          0xeef3d130, 0x198e80f2, 0x56dffce7, 0x2406d9dc);
/* 2^((p-1)/4) */
static const number_t root_of_minus_one =
    WORDS(0x4a0ea0b0, 0xc4ee1b27, 0xad2fe478, 0x2f431806,
          0x3dfbd7a7, 0x2b4d0099, 0x4fc1df0b, 0x2b832480);
static const number_t prime =
    WORDS(0xffffffed, 0xffffffff, 0xffffffff, 0xffffffff,
          0xffffffff, 0xffffffff, 0xffffffff, 0x7fffffff);
static const number_t zero = WORDS(0, 0, 0, 0, 0, 0, 0, 0);
static const number_t one = WORDS(1, 0, 0, 0, 0, 0, 0, 0);
static const number_t order =
    WORDS(0x5cf5d3ed, 0x5812631a, 0xa2f79cd6, 0x14def9de,
          0x00000000, 0x00000000, 0x00000000, 0x10000000);
/* B, 3B, 5B, 7B for the base point B */
static const addend_t base_multiples[4] = {
    {WORDS(0xf58c3b85, 0x2fbc93c6, 0xfb8c0e19, 0xcf932dc6,
           0x643d42c2, 0x270b4898, 0x33d4ba65, 0x07cf9d3a),
     WORDS(0xd740913e, 0x9d103905, 0xd140beb3, 0xfd399f05,
           0x688f8a09, 0xa5c18434, 0x98f81267, 0x44fd2f92),
     WORDS(0x877aaa68, 0xabc91205, 0xccaac49e, 0x26d9e823,
           0xdd43598c, 0x5a1b7dcb, 0x9f0c65a8, 0x6f117b68),
     WORDS(2, 0, 0, 0, 0, 0, 0, 0)},
    {WORDS(0x4cee9730, 0xaf25b0a8, 0xe8864b8a, 0x025a8430,
           0x9f016732, 0xc11b5002, 0x9a80f8f4, 0x7a164e1b),
     WORDS(0xa4fcd265, 0x56611fe8, 0xe5c1ba7d, 0x3bd353fd,
           0x214bd6bd, 0x8131f31a, 0x555bda62, 0x2ab91587),
     WORDS(0x0dd0d889, 0x14ae933f, 0x1c35da62, 0x58942322,
           0x8cf2db4c, 0xd170e545, 0x12b9b4c6, 0x5a2826af),
     WORDS(2, 0, 0, 0, 0, 0, 0, 0)},
    {WORDS(0x08a5bb33, 0xa212bc44, 0xc75eed02, 0x8d5048c3,
           0x5abfec44, 0xdd1beb0c, 0x46e206eb, 0x2945ccf1),
     WORDS(0xa447d6ba, 0x7f9182c3, 0x4b2729b7, 0xd50014d1,
           0xb864a087, 0xe33cf11c, 0xeb1b55f3, 0x154a7e73),
     WORDS(0x812a8285, 0xbcbbdbf1, 0xd0bdd1fc, 0x270e0807,
           0x1bbda72d, 0xb41b670b, 0x6b3bb69a, 0x43aabe69),
     WORDS(2, 0, 0, 0, 0, 0, 0, 0)},
    {WORDS(0x944ea3bf, 0x6b1a5cd0, 0xb39dc0d2, 0x7470353a,
           0x28542e49, 0x71b25282, 0x283c927e, 0x461bea69),
     WORDS(0xaa3221b1, 0xba6f2c9a, 0x3bba23a7, 0x6ca02153,
           0x92192c3a, 0x9dea764f, 0x2e5317e0, 0x1d6edd5d),
     WORDS(0x01b8b3a2, 0xf1836dc8, 0x053ea49a, 0xb3035f47,
           0x5877adf3, 0x529c41ba, 0x6a0f90a7, 0x7a9fbb1c),
     WORDS(2, 0, 0, 0, 0, 0, 0, 0)},
};

static void load(number_t r, const uint8_t bytes[32])
{
    for (size_t i = 0; i < COUNT; i++) {
        iotsign_double_limb_t limb = 0u;
        for (size_t j = LIMB_SIZE; j > 0u; j--) {
            limb = limb << 8 | bytes[i * LIMB_SIZE + j - 1u];
        }
        r[i] = (iotsign_limb_t)limb;
    }
}

static unsigned bit(const number_t a, unsigned index)
{
    return (unsigned)(a[index / IOTSIGN_LIMB_BITS] >> (index % IOTSIGN_LIMB_BITS)) & 1u;
}

/* r = a * factor + b + carry modulo 2^256; returns what is beyond. r may be a or b. */
static iotsign_limb_t scale_add(number_t r, iotsign_limb_t factor, const number_t a, const number_t b, iotsign_limb_t carry)
{
    for (size_t i = 0; i < COUNT; i++) {
        r[i] = iotsign_multiply_add(factor, a[i], b[i], carry, &carry);
    }
    return carry;
}

/* r = a - b modulo 2^256; returns 1 for a borrow, else 0. r may be a or b. */
static IOTSIGN_WRAPS iotsign_limb_t subtract(number_t r, const number_t a, const number_t b)
{
    iotsign_limb_t carry = 1u;

    for (size_t i = 0; i < COUNT; i++) {
        r[i] = iotsign_multiply_add(1u, a[i], (iotsign_limb_t)~b[i], carry, &carry);
    }
    return carry ^ 1u;
}

/* r += carry * 2^256 modulo p, for a carry of at most 38: 2^256 = 38 */
static void fold(number_t r, iotsign_limb_t carry)
{
    carry = scale_add(r, 0u, zero, r, (iotsign_limb_t)(38u * carry));
    r[0] = (iotsign_limb_t)(r[0] + 38u * carry); /* after a second carry r[0] is small */
}

static void add(number_t r, const number_t a, const number_t b)
{
    fold(r, scale_add(r, 1u, a, b, 0u));
}

static IOTSIGN_WRAPS void take(number_t r, const number_t a, const number_t b)
{
    static const number_t thirty_eight = WORDS(38, 0, 0, 0, 0, 0, 0, 0);

    if (subtract(r, a, b) != 0u && subtract(r, r, thirty_eight) != 0u) {
        r[0] = (iotsign_limb_t)(r[0] - 38u); /* after a second borrow r[0] is large */
    }
}

/* r = a * b; r may be a or b */
static void multiply(number_t r, const number_t a, const number_t b)
{
    iotsign_limb_t product[2u * COUNT];

    memset(product, 0, COUNT * sizeof *product);
    for (size_t i = 0; i < COUNT; i++) {
        iotsign_limb_t carry = 0u;
        for (size_t j = 0; j < COUNT; j++) {
            product[i + j] = iotsign_multiply_add(a[i], b[j], product[i + j], carry, &carry);
        }
        product[i + COUNT] = carry;
    }
    fold(r, scale_add(r, 38u, product + COUNT, product, 0u));
}

/* r = r^(2^count) */
static void square(number_t r, unsigned count)
{
    for (; count > 0u; count--) {
        multiply(r, r, r);
    }
}

/* r = a^(2^252 - 3); r differs from a */
static void power(number_t r, const number_t a)
{
    number_t half;
    unsigned length = 1u; /* r = a^(2^length - 1) */

    memcpy(r, a, sizeof half);
    for (unsigned mask = 64u; mask != 0u; mask >>= 1) {
        memcpy(half, r, sizeof half);
        square(r, length);
        multiply(r, r, half);
        length *= 2u;
        if ((250u & mask) != 0u) {
            square(r, 1u);
            multiply(r, r, a);
            length++;
        }
    }
    square(r, 2u);
    multiply(r, r, a);
}

/* r = 1/a; r differs from a. The exponent is p - 2 = 8·(2^252 - 3) + 3. */
static void invert(number_t r, const number_t a)
{
    power(r, a);
    square(r, 2u);
    multiply(r, r, a);
    square(r, 1u);
    multiply(r, r, a);
}

/* the representative below p */
static IOTSIGN_WRAPS void reduce(number_t r)
{
    number_t trial;

    for (int i = 0; i < 2; i++) {
        if (subtract(trial, r, prime) == 0u) {
            memcpy(r, trial, sizeof trial);
        }
    }
}

static int is_zero(const number_t a)
{
    return memcmp(a, zero, sizeof zero) == 0;
}

static void set_identity(point_t *r)
{
    memcpy(r->x, zero, sizeof zero);
    memcpy(r->y, one, sizeof one);
    memcpy(r->z, one, sizeof one);
    memcpy(r->t, zero, sizeof zero);
}

/* r = E·F : G·H : F·G, E·H */
static void combine(point_t *r, const number_t e, const number_t f, const number_t g, const number_t h)
{
    multiply(r->x, e, f);
    multiply(r->y, g, h);
    multiply(r->z, f, g);
    multiply(r->t, e, h);
}

static void double_point(point_t *r)
{
    number_t e, f, g, h;

    add(e, r->x, r->y);
    square(e, 1u);
    square(r->x, 1u);
    square(r->y, 1u);
    square(r->z, 1u);
    add(h, r->x, r->y);
    take(e, h, e);
    take(g, r->x, r->y);
    add(f, r->z, r->z);
    add(f, f, g);
    combine(r, e, f, g, h);
}

static void set_addend(addend_t *r, const point_t *a)
{
    add(r->sum, a->y, a->x);
    take(r->difference, a->y, a->x);
    multiply(r->t2d, a->t, twice_curve_d);
    add(r->z2, a->z, a->z);
}

static void add_point(point_t *r, const addend_t *a)
{
    number_t e, f, g, h;

    take(e, r->y, r->x);
    multiply(e, e, a->difference);
    add(h, r->y, r->x);
    multiply(h, h, a->sum);
    multiply(f, r->t, a->t2d);
    multiply(g, r->z, a->z2);
    take(r->x, h, e);
    add(h, h, e);
    take(r->y, g, f);
    add(g, g, f);
    memcpy(e, r->x, sizeof e);
    memcpy(f, r->y, sizeof f);
    combine(r, e, f, g, h);
}

/* One summand of a joint multiplication: its scalar, read from the top in windows of three bits that end with a 1. */
typedef struct {
    const iotsign_limb_t *scalar;  /* below the group order */
    const addend_t *odd_multiples; /* 1, 3, 5, 7 times the point */
    unsigned digit;                /* of the window that the scan is in; 0 if it is in none */
    unsigned end;                  /* the window's lowest bit */
} term_t;

/* r = the sum of scalar times point over `count` terms, whose digits are 0 before and after */
static void multiply_points(point_t *r, term_t *terms, unsigned count)
{
    set_identity(r);
    for (unsigned left = 253u; left > 0u; left--) {
        const unsigned i = left - 1u;
        double_point(r);
        for (term_t *term = terms; term < terms + count; term++) {
            if (term->digit == 0u && bit(term->scalar, i) != 0u) {
                term->end = i < 2u ? 0u : i - 2u;
                while (bit(term->scalar, term->end) == 0u) {
                    term->end++;
                }
                for (unsigned j = left; j > term->end; j--) {
                    term->digit = 2u * term->digit + bit(term->scalar, j - 1u);
                }
            }
            if (term->digit != 0u && term->end == i) {
                add_point(r, &term->odd_multiples[term->digit / 2u]);
                term->digit = 0u;
            }
        }
    }
}

/* The negative of the point that a key encodes (RFC 8032 §5.1.3), which is refused where x = 0: order 1 or 2. */
static iotsign_status_t decode_negative(point_t *r, const uint8_t key[IOTSIGN_ED25519_KEY_SIZE])
{
    number_t u, v, w;
    unsigned sign;

    /* step 1: y below p, and the sign of x */
    load(r->y, key);
    sign = bit(r->y, 255u);
    r->y[COUNT - 1u] &= (iotsign_limb_t)~((iotsign_limb_t)1u << (IOTSIGN_LIMB_BITS - 1u));
    if (subtract(u, r->y, prime) == 0u) {
        return IOTSIGN_ERROR_KEY;
    }
    /* step 2: x² = u/v = (y² - 1) / (d·y² + 1); x = u·v³·(u·v⁷)^((p-5)/8) is a root of it or of its negative */
    multiply(u, r->y, r->y);
    multiply(v, u, curve_d);
    take(u, u, one);
    add(v, v, one);
    multiply(w, v, v);
    multiply(w, w, v);
    multiply(r->z, w, w);
    multiply(r->z, r->z, v);
    multiply(r->z, r->z, u);
    power(r->x, r->z);
    multiply(r->x, r->x, w);
    multiply(r->x, r->x, u);
    /* step 3 */
    multiply(w, r->x, r->x);
    multiply(w, w, v);
    take(v, w, u);
    reduce(v);
    if (!is_zero(v)) {
        add(w, w, u);
        reduce(w);
        if (!is_zero(w)) {
            return IOTSIGN_ERROR_KEY;
        }
        multiply(r->x, r->x, root_of_minus_one);
    }
    /* step 4, for the negative */
    reduce(r->x);
    if (is_zero(r->x)) {
        return IOTSIGN_ERROR_KEY;
    }
    if (bit(r->x, 0u) == sign) {
        subtract(r->x, prime, r->x);
    }
    memcpy(r->z, one, sizeof one);
    multiply(r->t, r->x, r->y);
    return IOTSIGN_OK;
}

static int is_identity(point_t *a)
{
    take(a->y, a->y, a->z);
    reduce(a->x);
    reduce(a->y);
    return is_zero(a->x) && is_zero(a->y);
}

/* r = digest modulo the group order */
static void reduce_digest(number_t r, const uint8_t digest[IOTSIGN_SHA512_SIZE])
{
    number_t trial;

    memcpy(r, zero, sizeof zero);
    for (unsigned left = 8u * IOTSIGN_SHA512_SIZE; left > 0u; left--) {
        const unsigned i = left - 1u;
        (void)scale_add(r, 1u, r, r, (iotsign_limb_t)(digest[i / 8u] >> (i % 8u) & 1u));
        if (subtract(trial, r, order) == 0u) {
            memcpy(r, trial, sizeof trial);
        }
    }
}

iotsign_status_t iotsign_ed25519_init(iotsign_ed25519_t *context, const uint8_t public_key[IOTSIGN_ED25519_KEY_SIZE],
                                      const uint8_t *signature, size_t signature_length)
{
    if (signature_length != IOTSIGN_ED25519_SIGNATURE_SIZE) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    memcpy(context->public_key, public_key, sizeof context->public_key);
    memcpy(context->signature, signature, sizeof context->signature);
    iotsign_sha512_init(&context->hash);
    iotsign_sha512_update(&context->hash, signature, 32u);
    iotsign_sha512_update(&context->hash, public_key, sizeof context->public_key);
    return IOTSIGN_OK;
}

void iotsign_ed25519_update(iotsign_ed25519_t *context, const void *data, size_t length)
{
    iotsign_sha512_update(&context->hash, data, length);
}

iotsign_status_t iotsign_ed25519_finish(iotsign_ed25519_t *context)
{
    uint8_t digest[IOTSIGN_SHA512_SIZE];
    addend_t odd_multiples[4];
    number_t s, k;
    point_t a, sum;
    term_t terms[2] = {{k, odd_multiples, 0u, 0u}, {s, base_multiples, 0u, 0u}};

    /* step 1: S is a number below the group order; A is a point */
    load(s, context->signature + 32);
    if (subtract(k, s, order) == 0u) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    if (decode_negative(&a, context->public_key) != IOTSIGN_OK) {
        return IOTSIGN_ERROR_KEY;
    }
    set_addend(&odd_multiples[0], &a);
    memcpy(&sum, &a, sizeof sum);
    double_point(&sum);
    set_addend(&odd_multiples[1], &sum);
    for (unsigned i = 1; i < 4u; i++) {
        const addend_t twice = odd_multiples[i];
        add_point(&a, &twice);
        set_addend(&odd_multiples[i], &a);
        if (i < 3u) {
            odd_multiples[i + 1u] = twice;
        }
    }
    /* the order of A divides the prime group order */
    memcpy(k, order, sizeof k);
    multiply_points(&sum, terms, 1u);
    if (!is_identity(&sum)) {
        return IOTSIGN_ERROR_KEY;
    }
    /* step 2: k = SHA-512(R ‖ A ‖ M) modulo the group order */
    iotsign_sha512_finish(&context->hash, digest);
    reduce_digest(k, digest);
    /* step 3: R = [S]B - [k]A, in its one encoding */
    multiply_points(&sum, terms, 2u);
    invert(k, sum.z);
    multiply(sum.x, sum.x, k);
    multiply(sum.y, sum.y, k);
    reduce(sum.x);
    reduce(sum.y);
    sum.y[COUNT - 1u] |= (iotsign_limb_t)((iotsign_limb_t)bit(sum.x, 0u) << (IOTSIGN_LIMB_BITS - 1u));
    load(s, context->signature);
    return memcmp(s, sum.y, sizeof s) == 0 ? IOTSIGN_OK : IOTSIGN_ERROR_SIGNATURE;
}

iotsign_status_t iotsign_ed25519_verify(const uint8_t public_key[IOTSIGN_ED25519_KEY_SIZE], const void *message,
                                        size_t message_length, const uint8_t *signature, size_t signature_length)
{
    iotsign_ed25519_t context;
    iotsign_status_t status = iotsign_ed25519_init(&context, public_key, signature, signature_length);

    if (status != IOTSIGN_OK) {
        return status;
    }
    iotsign_ed25519_update(&context, message, message_length);
    return iotsign_ed25519_finish(&context);
}
