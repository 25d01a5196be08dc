/* SHA-512 compression with AVX-512VL, whose rotate and three-way logic halve the work on the schedule. Of the rounds, the
 * half that makes e is in vectors, too (one lane of them), and the half that makes a is in the integer unit: neither has
 * room for both.
 * Built with -mavx512f -mavx512vl -mavx512bw -mbmi -mbmi2.
 * SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <immintrin.h>

#include "../src/compiler.h"
#include "inline.h"

/* truth tables of three inputs */
#define XOR3 0x96
#define CHOOSE 0xCA

static inline __m256i sigma0(__m256i word)
{
    return _mm256_ternarylogic_epi64(
        _mm256_ror_epi64(word, 1), _mm256_ror_epi64(word, 8), _mm256_srli_epi64(word, 7), XOR3);
}

static inline __m256i sigma1(__m256i word)
{
    return _mm256_ternarylogic_epi64(
        _mm256_ror_epi64(word, 19), _mm256_ror_epi64(word, 61), _mm256_srli_epi64(word, 6), XOR3);
}

typedef struct {
    uint64_t abcd[4]; /* abcd[(0 - t) % 4] is a of round t, abcd[(1 - t) % 4] is b, and so on */
    __m128i efgh[4];
    uint64_t b_xor_c; /* of the next round */
} rounds_t;

ALWAYS_INLINE __m128i vector_in_order(__m128i value)
{
    __asm__("" : "+v"(value));
    return value;
}

ALWAYS_INLINE __m128i vector_of(const uint64_t *word)
{
    return _mm_loadl_epi64((const __m128i *)(const void *)word);
}

ALWAYS_INLINE void rounds_begin(rounds_t *r, const uint64_t state[8])
{
    for (unsigned i = 0; i < 4; i++) {
        r->abcd[i] = state[i];
        r->efgh[i] = vector_of(&state[4 + i]);
    }
    r->b_xor_c = state[1] ^ state[2];
}

/* Adds the state to the working variables, which are the next block's first ones, and stores them. */
IOTSIGN_WRAPS ALWAYS_INLINE void rounds_end(rounds_t *r, uint64_t state[8])
{
    for (unsigned i = 0; i < 4; i++) {
        r->abcd[i] += state[i];
        r->efgh[i] = _mm_add_epi64(r->efgh[i], vector_of(&state[4 + i]));
        state[i] = r->abcd[i];
        _mm_storel_epi64((__m128i *)(void *)&state[4 + i], r->efgh[i]);
    }
    r->b_xor_c = state[1] ^ state[2];
}

IOTSIGN_WRAPS ALWAYS_INLINE uint64_t rotate_right(uint64_t word, unsigned bits)
{
    return word >> bits | word << (64 - bits);
}

/* The instructions of the two halves alternate, since a core takes them up in program order. */
IOTSIGN_WRAPS ALWAYS_INLINE void one_round(rounds_t *r, unsigned t, const uint64_t *word)
{
    const uint64_t a = r->abcd[(80 - t) % 4], b = r->abcd[(81 - t) % 4], d = r->abcd[(83 - t) % 4];
    const __m128i e = r->efgh[(80 - t) % 4], f = r->efgh[(81 - t) % 4], g = r->efgh[(82 - t) % 4];

    __m128i t1 = vector_in_order(_mm_add_epi64(r->efgh[(83 - t) % 4], vector_of(word)));
    __m128i e14 = vector_in_order(_mm_ror_epi64(e, 14));
    uint64_t a28 = in_order(rotate_right(a, 28));
    __m128i e18 = vector_in_order(_mm_ror_epi64(e, 18));
    uint64_t a34 = in_order(rotate_right(a, 34));
    __m128i e41 = vector_in_order(_mm_ror_epi64(e, 41));
    uint64_t a_xor_b = in_order(a ^ b);
    __m128i choice = vector_in_order(_mm_ternarylogic_epi64(e, f, g, CHOOSE));
    uint64_t a39 = in_order(rotate_right(a, 39));
    __m128i old_d = vector_in_order(_mm_cvtsi64_si128((long long)d));
    __m128i big_sigma1 = vector_in_order(_mm_ternarylogic_epi64(e14, e18, e41, XOR3));
    uint64_t big_sigma0 = in_order(a28 ^ a34);
    t1 = vector_in_order(_mm_add_epi64(t1, choice));
    uint64_t majority = in_order(r->b_xor_c & a_xor_b);
    t1 = vector_in_order(_mm_add_epi64(t1, big_sigma1));
    big_sigma0 = in_order(big_sigma0 ^ a39);
    majority = in_order(majority ^ b);
    r->efgh[(83 - t) % 4] = vector_in_order(_mm_add_epi64(t1, old_d));
    uint64_t t2 = in_order(big_sigma0 + majority);
    r->abcd[(83 - t) % 4] = (uint64_t)_mm_cvtsi128_si64(t1) + t2;
    r->b_xor_c = a_xor_b;
}

#include "x86_sha512.h"

void iotsign_sha512_compress_avx512(uint64_t state[8], const uint8_t *blocks, size_t count)
{
    compress(state, blocks, count);
}
