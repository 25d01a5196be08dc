/* SHA-512 compression with AVX2 and BMI2: rounds in the integer unit.
 * Built with -mavx2 -mbmi -mbmi2.
 * SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <immintrin.h>

#include "../src/compiler.h"
#include "inline.h"

static inline __m256i rotate(__m256i word, int bits)
{
    return _mm256_or_si256(_mm256_srli_epi64(word, bits), _mm256_slli_epi64(word, 64 - bits));
}

static inline __m256i sigma0(__m256i word)
{
    const __m256i by_8 = _mm256_broadcastsi128_si256(_mm_set_epi64x(0x080f0e0d0c0b0a09, 0x0007060504030201));
    __m256i rotated = _mm256_xor_si256(rotate(word, 1), _mm256_shuffle_epi8(word, by_8));
    return _mm256_xor_si256(rotated, _mm256_srli_epi64(word, 7));
}

static inline __m256i sigma1(__m256i word)
{
    return _mm256_xor_si256(_mm256_xor_si256(rotate(word, 19), rotate(word, 61)), _mm256_srli_epi64(word, 6));
}

typedef struct {
    uint64_t v[8];    /* v[(0 - t) % 8] is a of round t, v[(1 - t) % 8] is b, and so on */
    uint64_t b_xor_c; /* of the next round */
} rounds_t;

IOTSIGN_WRAPS ALWAYS_INLINE uint64_t rotate_right(uint64_t word, unsigned bits)
{
    return word >> bits | word << (64 - bits);
}

IOTSIGN_WRAPS ALWAYS_INLINE void one_round(rounds_t *r, unsigned t, const uint64_t *word)
{
    uint64_t a = r->v[(80 - t) % 8], b = r->v[(81 - t) % 8], d = r->v[(83 - t) % 8];
    uint64_t e = r->v[(84 - t) % 8], f = r->v[(85 - t) % 8], g = r->v[(86 - t) % 8], h = r->v[(87 - t) % 8];

    h = in_order(h + *word);
    d = in_order(d + h);
    const uint64_t choice = (e & f) ^ (~e & g);
    const uint64_t big_sigma1 = rotate_right(e, 14) ^ rotate_right(e, 18) ^ rotate_right(e, 41);
    d = in_order(d + choice);
    h = in_order(h + choice);
    d = in_order(d + big_sigma1);
    h = in_order(h + big_sigma1);
    const uint64_t big_sigma0 = rotate_right(a, 28) ^ rotate_right(a, 34) ^ rotate_right(a, 39);
    const uint64_t a_xor_b = a ^ b;
    const uint64_t majority = in_order((r->b_xor_c & a_xor_b) ^ b);
    h = in_order(h + majority) + big_sigma0;
    r->b_xor_c = a_xor_b;
    r->v[(83 - t) % 8] = d;
    r->v[(87 - t) % 8] = h;
}

ALWAYS_INLINE void rounds_begin(rounds_t *r, const uint64_t state[8])
{
    for (unsigned i = 0; i < 8; i++) {
        r->v[i] = state[i];
    }
    r->b_xor_c = state[1] ^ state[2];
}

/* Adds the state to the working variables, which are the next block's first ones, and stores them. */
IOTSIGN_WRAPS ALWAYS_INLINE void rounds_end(rounds_t *r, uint64_t state[8])
{
    for (unsigned i = 0; i < 8; i++) {
        r->v[i] += state[i];
        state[i] = r->v[i];
    }
    r->b_xor_c = r->v[1] ^ r->v[2];
}

#include "x86_sha512.h"

void iotsign_sha512_compress_avx2(uint64_t state[8], const uint8_t *blocks, size_t count)
{
    compress(state, blocks, count);
}
