/* Base64 with AVX2: 24 bytes and 32 characters at a time.
 * Built with -mavx2.
 * SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <immintrin.h>

static inline __m256i in_both_halves(__m128i half)
{
    return _mm256_broadcastsi128_si256(half);
}

size_t iotsign_base64_encode_avx2(const uint8_t *data, size_t count, uint8_t *text)
{
    /* of the bytes a b c of a group: b a c b, in a 32-bit word */
    const __m256i spread = in_both_halves(_mm_set_epi8(10, 11, 9, 10, 7, 8, 6, 7, 4, 5, 3, 4, 1, 2, 0, 1));
    /* what to add to a value: by 0 for a..z, by 1..10 for 0..9, by 11 for +, by 12 for /, by 13 for A..Z */
    const __m256i offsets = in_both_halves(_mm_set_epi8(0, 0, 'A', '/' - 63, '+' - 62, '0' - 52, '0' - 52, '0' - 52,
                                                        '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                                        '0' - 52, 'a' - 26));
    size_t done = 0;

    for (; count - done >= 10; done += 8) { /* 28 bytes are read, 24 used */
        const uint8_t *bytes = data + 3 * done;
        __m128i low = _mm_loadu_si128((const __m128i *)(const void *)bytes);
        __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 12));
        __m256i words = _mm256_shuffle_epi8(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1), spread);

        /* multiplications as shifts by a different amount for each 16-bit half */
        __m256i first_third = _mm256_mulhi_epu16(_mm256_and_si256(words, _mm256_set1_epi32(0x0fc0fc00)),
                                                 _mm256_set1_epi32(0x04000040));
        __m256i second_fourth = _mm256_mullo_epi16(_mm256_and_si256(words, _mm256_set1_epi32(0x003f03f0)),
                                                   _mm256_set1_epi32(0x01000010));
        __m256i values = _mm256_or_si256(first_third, second_fourth);

        __m256i range = _mm256_subs_epu8(values, _mm256_set1_epi8(51));
        __m256i upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), values);
        range = _mm256_or_si256(range, _mm256_and_si256(upper, _mm256_set1_epi8(13)));
        __m256i characters = _mm256_add_epi8(values, _mm256_shuffle_epi8(offsets, range));
        _mm256_storeu_si256((__m256i *)(void *)(text + 4 * done), characters);
    }
    return done;
}

size_t iotsign_base64_decode_avx2(const uint8_t *text, size_t count, uint8_t *data)
{
    /* A character is foreign if the set of its high half and the set of its low half have a member in common. The sets
     * that a high half is in: 1 for 2, 2 for 3, 4 for 4 and 6, 8 for 5 and 7, 16 for all others. */
    const __m256i sets_of_high = in_both_halves(_mm_set_epi8(16, 16, 16, 16, 16, 16, 16, 16, 8, 4, 8, 4, 2, 1, 16, 16));
    const __m256i sets_of_low = in_both_halves(_mm_set_epi8(16 + 8 + 2, 16 + 8 + 2 + 1, 16 + 8 + 2 + 1, 16 + 8 + 2 + 1,
                                                            16 + 8 + 2, 16 + 2 + 1, 16 + 1, 16 + 1, 16 + 1, 16 + 1,
                                                            16 + 1, 16 + 1, 16 + 1, 16 + 1, 16 + 1, 16 + 4 + 1));
    /* what to add to a character, by its high half; / has the place before + */
    const __m256i offsets = in_both_halves(_mm_set_epi8(0, 0, 0, 0, 0, 0, 0, 0, 26 - 'a', 26 - 'a', -'A', -'A', 52 - '0',
                                                        62 - '+', 63 - '/', 0));
    const __m256i gather = in_both_halves(_mm_set_epi8(-1, -1, -1, -1, 12, 13, 14, 8, 9, 10, 4, 5, 6, 0, 1, 2));
    const __m256i halves = _mm256_set_epi32(0, 0, 6, 5, 4, 2, 1, 0), nibble = _mm256_set1_epi8(15);
    size_t done = 0;

    for (; count - done >= 11; done += 8) { /* 32 bytes are written, 24 kept */
        __m256i characters = _mm256_loadu_si256((const __m256i *)(const void *)(text + 4 * done));
        __m256i high = _mm256_and_si256(_mm256_srli_epi32(characters, 4), nibble);
        __m256i low = _mm256_and_si256(characters, nibble);
        if (!_mm256_testz_si256(_mm256_shuffle_epi8(sets_of_high, high), _mm256_shuffle_epi8(sets_of_low, low))) {
            break;
        }
        __m256i slash = _mm256_cmpeq_epi8(characters, _mm256_set1_epi8('/'));
        __m256i values = _mm256_add_epi8(characters, _mm256_shuffle_epi8(offsets, _mm256_add_epi8(high, slash)));

        /* 6 + 6 bits, then 12 + 12 bits, then three bytes of each 32-bit word in wire order */
        __m256i pairs = _mm256_maddubs_epi16(values, _mm256_set1_epi32(0x01400140));
        __m256i groups = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
        __m256i bytes = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(groups, gather), halves);
        _mm256_storeu_si256((__m256i *)(void *)(data + 3 * done), bytes);
    }
    return done;
}
