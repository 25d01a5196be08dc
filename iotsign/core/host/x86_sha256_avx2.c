/* SHA-256 of eight messages at once with AVX2.
 * Built with -mavx2.
 * SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include "../src/sha256_compress.h"

#include <immintrin.h>

#define LANES 8u

typedef __m256i vector_t;

static inline vector_t vector_load(const uint32_t *words)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)words);
}

static inline void vector_store(uint32_t *words, vector_t vector)
{
    _mm256_storeu_si256((__m256i *)(void *)words, vector);
}

static inline vector_t word_constant(uint32_t word)
{
    return _mm256_set1_epi32((int)word);
}

static inline vector_t add(vector_t x, vector_t y)
{
    return _mm256_add_epi32(x, y);
}

static inline vector_t xor3(vector_t x, vector_t y, vector_t z)
{
    return _mm256_xor_si256(_mm256_xor_si256(x, y), z);
}

static inline vector_t choice(vector_t e, vector_t f, vector_t g)
{
    return _mm256_xor_si256(g, _mm256_and_si256(e, _mm256_xor_si256(f, g)));
}

static inline vector_t majority(vector_t a, vector_t b, vector_t c)
{
    return _mm256_xor_si256(b, _mm256_and_si256(_mm256_xor_si256(a, b), _mm256_xor_si256(b, c)));
}

static inline vector_t rotate(vector_t word, int bits)
{
    return _mm256_or_si256(_mm256_srli_epi32(word, bits), _mm256_slli_epi32(word, 32 - bits));
}

static inline vector_t big_sigma0(vector_t a)
{
    return xor3(rotate(a, 2), rotate(a, 13), rotate(a, 22));
}

static inline vector_t big_sigma1(vector_t e)
{
    return xor3(rotate(e, 6), rotate(e, 11), rotate(e, 25));
}

static inline vector_t sigma0(vector_t word)
{
    return xor3(rotate(word, 7), rotate(word, 18), _mm256_srli_epi32(word, 3));
}

static inline vector_t sigma1(vector_t word)
{
    return xor3(rotate(word, 17), rotate(word, 19), _mm256_srli_epi32(word, 10));
}

/* Transposes the eight blocks at the given offset, so that w[t] holds word t of each. */
static inline void words_load(vector_t w[16], const uint8_t *const *blocks, size_t offset)
{
    const vector_t swap = _mm256_broadcastsi128_si256(_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));

    for (unsigned half = 0; half < 16; half += 8, offset += 32) {
        vector_t quads[4][2]; /* quads[j][i]: in its 128-bit part c, word half + 4c + j of lanes 4i..4i+3 */

        for (unsigned i = 0; i < 2; i++) {
            vector_t row0 = _mm256_loadu_si256((const __m256i *)(const void *)(blocks[4 * i] + offset));
            vector_t row1 = _mm256_loadu_si256((const __m256i *)(const void *)(blocks[4 * i + 1] + offset));
            vector_t row2 = _mm256_loadu_si256((const __m256i *)(const void *)(blocks[4 * i + 2] + offset));
            vector_t row3 = _mm256_loadu_si256((const __m256i *)(const void *)(blocks[4 * i + 3] + offset));
            vector_t low01 = _mm256_unpacklo_epi32(row0, row1), high01 = _mm256_unpackhi_epi32(row0, row1);
            vector_t low23 = _mm256_unpacklo_epi32(row2, row3), high23 = _mm256_unpackhi_epi32(row2, row3);
            quads[0][i] = _mm256_unpacklo_epi64(low01, low23);
            quads[1][i] = _mm256_unpackhi_epi64(low01, low23);
            quads[2][i] = _mm256_unpacklo_epi64(high01, high23);
            quads[3][i] = _mm256_unpackhi_epi64(high01, high23);
        }
        for (unsigned j = 0; j < 4; j++) {
            vector_t low = _mm256_permute2x128_si256(quads[j][0], quads[j][1], 0x20);
            vector_t high = _mm256_permute2x128_si256(quads[j][0], quads[j][1], 0x31);
            w[half + j] = _mm256_shuffle_epi8(low, swap);
            w[half + j + 4] = _mm256_shuffle_epi8(high, swap);
        }
    }
}

#include "x86_sha256_lanes.h"

void iotsign_sha256_lanes8_avx2(uint32_t *states, const uint8_t *const *blocks, size_t count)
{
    compress(states, blocks, count);
}
