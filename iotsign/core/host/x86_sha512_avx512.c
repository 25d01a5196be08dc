/* SHA-512 compression with AVX-512VL, whose rotate and three-way logic halve the work on the schedule.
 * Built with -mavx512f -mavx512vl -mavx512bw -mbmi -mbmi2.
 * SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <immintrin.h>

#define XOR3 0x96 /* truth table of x ^ y ^ z */

static inline __m256i sigma0(__m256i word)
{
    return _mm256_ternarylogic_epi64(_mm256_ror_epi64(word, 1), _mm256_ror_epi64(word, 8), _mm256_srli_epi64(word, 7), XOR3);
}

static inline __m256i sigma1(__m256i word)
{
    return _mm256_ternarylogic_epi64(_mm256_ror_epi64(word, 19), _mm256_ror_epi64(word, 61), _mm256_srli_epi64(word, 6), XOR3);
}

#include "x86_sha512.h"

void iotsign_sha512_compress_avx512(uint64_t state[8], const uint8_t *blocks, size_t count)
{
    compress(state, blocks, count);
}
