/* Base64 with AVX-512 VBMI: 48 bytes and 64 characters at a time.
 * Built with -mavx512f -mavx512vl -mavx512bw -mavx512vbmi.
 * SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <immintrin.h>

#define FIRST_48 0x0000FFFFFFFFFFFFu

static const uint8_t alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t iotsign_base64_encode_vbmi(const uint8_t *data, size_t count, uint8_t *text)
{
    /* of the bytes a b c of a group: b a c b, in a 32-bit word */
    const __m512i spread = _mm512_set_epi32(0x2e2f2d2e, 0x2b2c2a2b, 0x28292728, 0x25262425, 0x22232122, 0x1f201e1f,
                                            0x1c1d1b1c, 0x191a1819, 0x16171516, 0x13141213, 0x10110f10, 0x0d0e0c0d,
                                            0x0a0b090a, 0x07080607, 0x04050304, 0x01020001);
    /* where the four values begin in that word, and in the word above it */
    const __m512i starts = _mm512_set1_epi64(0x3036242a1016040a);
    const __m512i characters = _mm512_loadu_si512(alphabet);
    size_t done = 0;

    for (; count - done >= 16; done += 16) {
        __m512i bytes = _mm512_maskz_loadu_epi8(FIRST_48, data + 3 * done);
        __m512i values = _mm512_multishift_epi64_epi8(starts, _mm512_permutexvar_epi8(spread, bytes));
        _mm512_storeu_si512(text + 4 * done, _mm512_permutexvar_epi8(values, characters));
    }
    return done;
}

size_t iotsign_base64_decode_vbmi(const uint8_t *text, size_t count, uint8_t *data)
{
    const __m512i gather = _mm512_set_epi32(0, 0, 0, 0, 0x3c3d3e38, 0x393a3435, 0x36303132, 0x2c2d2e28, 0x292a2425,
                                            0x26202122, 0x1c1d1e18, 0x191a1415, 0x16101112, 0x0c0d0e08, 0x090a0405,
                                            0x06000102);
    uint8_t values_of[128];
    size_t done = 0;

    if (count < 16) {
        return 0;
    }
    for (unsigned i = 0; i < sizeof values_of; i++) {
        values_of[i] = 0x80;
    }
    for (unsigned i = 0; i < 64; i++) {
        values_of[alphabet[i]] = (uint8_t)i;
    }
    const __m512i lower = _mm512_loadu_si512(values_of), upper = _mm512_loadu_si512(values_of + 64);

    for (; count - done >= 16; done += 16) {
        __m512i characters = _mm512_loadu_si512(text + 4 * done);
        __m512i values = _mm512_permutex2var_epi8(lower, characters, upper);
        if (_mm512_movepi8_mask(_mm512_or_si512(values, characters)) != 0) {
            break;
        }
        /* 6 + 6 bits, then 12 + 12 bits, then three bytes of each 32-bit word in wire order */
        __m512i pairs = _mm512_maddubs_epi16(values, _mm512_set1_epi32(0x01400140));
        __m512i groups = _mm512_madd_epi16(pairs, _mm512_set1_epi32(0x00011000));
        _mm512_mask_storeu_epi8(data + 3 * done, FIRST_48, _mm512_permutexvar_epi8(gather, groups));
    }
    return done;
}
