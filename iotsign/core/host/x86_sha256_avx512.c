/* SHA-256 of sixteen messages at once with AVX-512.
 * Built with -mavx512f -mavx512vl -mavx512bw.
 * SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include "../src/sha256_compress.h"

#include <immintrin.h>

#define LANES 16u

/* truth tables of three inputs */
#define XOR3 0x96
#define CHOOSE 0xCA
#define MAJORITY 0xE8

typedef __m512i vector_t;

static inline vector_t vector_load(const uint32_t *words)
{
    return _mm512_loadu_si512(words);
}

static inline void vector_store(uint32_t *words, vector_t vector)
{
    _mm512_storeu_si512(words, vector);
}

static inline vector_t word_constant(uint32_t word)
{
    return _mm512_set1_epi32((int)word);
}

static inline vector_t add(vector_t x, vector_t y)
{
    return _mm512_add_epi32(x, y);
}

static inline vector_t choice(vector_t e, vector_t f, vector_t g)
{
    return _mm512_ternarylogic_epi32(e, f, g, CHOOSE);
}

static inline vector_t majority(vector_t a, vector_t b, vector_t c)
{
    return _mm512_ternarylogic_epi32(a, b, c, MAJORITY);
}

static inline vector_t xor3(vector_t x, vector_t y, vector_t z)
{
    return _mm512_ternarylogic_epi32(x, y, z, XOR3);
}

static inline vector_t big_sigma0(vector_t a)
{
    return xor3(_mm512_ror_epi32(a, 2), _mm512_ror_epi32(a, 13), _mm512_ror_epi32(a, 22));
}

static inline vector_t big_sigma1(vector_t e)
{
    return xor3(_mm512_ror_epi32(e, 6), _mm512_ror_epi32(e, 11), _mm512_ror_epi32(e, 25));
}

static inline vector_t sigma0(vector_t word)
{
    return xor3(_mm512_ror_epi32(word, 7), _mm512_ror_epi32(word, 18), _mm512_srli_epi32(word, 3));
}

static inline vector_t sigma1(vector_t word)
{
    return xor3(_mm512_ror_epi32(word, 17), _mm512_ror_epi32(word, 19), _mm512_srli_epi32(word, 10));
}

/* Transposes the sixteen blocks at the given offset, so that w[t] holds word t of each. */
static inline void words_load(vector_t w[16], const uint8_t *const *blocks, size_t offset)
{
    const vector_t swap =
        _mm512_broadcast_i32x4(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
    vector_t quads[4][4]; /* quads[j][i]: in its 128-bit part c, word 4c+j of lanes 4i..4i+3 */

    for (unsigned i = 0; i < 4; i++) {
        vector_t row0 = _mm512_loadu_si512(blocks[4 * i] + offset), row1 = _mm512_loadu_si512(blocks[4 * i + 1] + offset);
        vector_t row2 = _mm512_loadu_si512(blocks[4 * i + 2] + offset), row3 = _mm512_loadu_si512(blocks[4 * i + 3] + offset);
        vector_t low01 = _mm512_unpacklo_epi32(row0, row1), high01 = _mm512_unpackhi_epi32(row0, row1);
        vector_t low23 = _mm512_unpacklo_epi32(row2, row3), high23 = _mm512_unpackhi_epi32(row2, row3);
        quads[0][i] = _mm512_unpacklo_epi64(low01, low23);
        quads[1][i] = _mm512_unpackhi_epi64(low01, low23);
        quads[2][i] = _mm512_unpacklo_epi64(high01, high23);
        quads[3][i] = _mm512_unpackhi_epi64(high01, high23);
    }
    for (unsigned j = 0; j < 4; j++) {
        vector_t even01 = _mm512_shuffle_i32x4(quads[j][0], quads[j][1], 0x88);
        vector_t odd01 = _mm512_shuffle_i32x4(quads[j][0], quads[j][1], 0xDD);
        vector_t even23 = _mm512_shuffle_i32x4(quads[j][2], quads[j][3], 0x88);
        vector_t odd23 = _mm512_shuffle_i32x4(quads[j][2], quads[j][3], 0xDD);
        w[j] = _mm512_shuffle_epi8(_mm512_shuffle_i32x4(even01, even23, 0x88), swap);
        w[j + 4] = _mm512_shuffle_epi8(_mm512_shuffle_i32x4(odd01, odd23, 0x88), swap);
        w[j + 8] = _mm512_shuffle_epi8(_mm512_shuffle_i32x4(even01, even23, 0xDD), swap);
        w[j + 12] = _mm512_shuffle_epi8(_mm512_shuffle_i32x4(odd01, odd23, 0xDD), swap);
    }
}

#include "x86_sha256_lanes.h"

void iotsign_sha256_lanes16_avx512(uint32_t *states, const uint8_t *const *blocks, size_t count)
{
    compress(states, blocks, count);
}
