/* SHA-1 compression with the x86 SHA extensions: four rounds an instruction.
 * Built with -msha -mssse3 -msse4.1.
 * SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <immintrin.h>

/* Rounds 4i..4i+3: enters e, leaves next_e; wi becomes the words of rounds 4i+16..4i+19. */
#define FOUR_ROUNDS(i, e, next_e, w0, w1, w2, w3) \
    do { \
        e = _mm_sha1nexte_epu32(e, w0); \
        next_e = abcd; \
        abcd = _mm_sha1rnds4_epu32(abcd, e, (i) / 5); \
        if ((i) < 16) { \
            w0 = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(w0, w1), w2), w3); \
        } \
    } while (0)

#define SIXTEEN_ROUNDS(i) \
    do { \
        FOUR_ROUNDS(i, e0, e1, w0, w1, w2, w3); \
        FOUR_ROUNDS(i + 1, e1, e0, w1, w2, w3, w0); \
        FOUR_ROUNDS(i + 2, e0, e1, w2, w3, w0, w1); \
        FOUR_ROUNDS(i + 3, e1, e0, w3, w0, w1, w2); \
    } while (0)

void iotsign_sha1_compress_x86(uint32_t state[5], const uint8_t *blocks, size_t count)
{
    const __m128i reverse = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)state), 0x1B);
    __m128i e0 = _mm_set_epi32((int)state[4], 0, 0, 0);

    for (; count != 0; count--, blocks += 64) {
        const __m128i *block = (const __m128i *)(const void *)blocks;
        const __m128i saved_abcd = abcd, saved_e = e0;
        __m128i w0 = _mm_shuffle_epi8(_mm_loadu_si128(block), reverse);
        __m128i w1 = _mm_shuffle_epi8(_mm_loadu_si128(block + 1), reverse);
        __m128i w2 = _mm_shuffle_epi8(_mm_loadu_si128(block + 2), reverse);
        __m128i w3 = _mm_shuffle_epi8(_mm_loadu_si128(block + 3), reverse);
        __m128i e1;

        /* the first four rounds take e as it is, the others rotate what was a */
        e0 = _mm_add_epi32(e0, w0);
        e1 = abcd;
        abcd = _mm_sha1rnds4_epu32(abcd, e0, 0);
        w0 = _mm_sha1msg2_epu32(_mm_xor_si128(_mm_sha1msg1_epu32(w0, w1), w2), w3);
        FOUR_ROUNDS(1, e1, e0, w1, w2, w3, w0);
        FOUR_ROUNDS(2, e0, e1, w2, w3, w0, w1);
        FOUR_ROUNDS(3, e1, e0, w3, w0, w1, w2);
        SIXTEEN_ROUNDS(4);
        SIXTEEN_ROUNDS(8);
        SIXTEEN_ROUNDS(12);
        SIXTEEN_ROUNDS(16);

        e0 = _mm_sha1nexte_epu32(e0, saved_e);
        abcd = _mm_add_epi32(abcd, saved_abcd);
    }
    _mm_storeu_si128((__m128i *)(void *)state, _mm_shuffle_epi32(abcd, 0x1B));
    state[4] = (uint32_t)_mm_extract_epi32(e0, 3);
}
