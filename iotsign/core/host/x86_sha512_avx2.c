/* SHA-512 compression with AVX2 and BMI2.
 * Built with -mavx2 -mbmi -mbmi2.
 * SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <immintrin.h>

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

#include "x86_sha512.h"

void iotsign_sha512_compress_avx2(uint64_t state[8], const uint8_t *blocks, size_t count)
{
    compress(state, blocks, count);
}
