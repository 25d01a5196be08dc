/* SHA-256 compression with the x86 SHA extensions: two rounds an instruction.
 * Built with -msha -mssse3 -msse4.1.
 * SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include "../src/sha256_compress.h"

#include <immintrin.h>

/* The instructions keep the state as (a, b, e, f) and (c, d, g, h), highest word first. */
typedef struct {
    __m128i abef, cdgh;
    __m128i saved_abef, saved_cdgh;
    __m128i w[4];
} lane_t;

static inline void lane_load(lane_t *lane, const uint32_t state[8])
{
    __m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)state);
    __m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(state + 4));
    __m128i badc = _mm_shuffle_epi32(dcba, 0xB1), efgh = _mm_shuffle_epi32(hgfe, 0x1B);
    lane->abef = _mm_alignr_epi8(badc, efgh, 8);
    lane->cdgh = _mm_blend_epi16(efgh, badc, 0xF0);
}

static inline void lane_store(const lane_t *lane, uint32_t state[8])
{
    __m128i feba = _mm_shuffle_epi32(lane->abef, 0x1B), dchg = _mm_shuffle_epi32(lane->cdgh, 0xB1);
    _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xF0));
    _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

static inline void lane_begin(lane_t *lane, const uint8_t *block)
{
    const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    const __m128i *words = (const __m128i *)(const void *)block;
    lane->saved_abef = lane->abef;
    lane->saved_cdgh = lane->cdgh;
    lane->w[0] = _mm_shuffle_epi8(_mm_loadu_si128(words), swap);
    lane->w[1] = _mm_shuffle_epi8(_mm_loadu_si128(words + 1), swap);
    lane->w[2] = _mm_shuffle_epi8(_mm_loadu_si128(words + 2), swap);
    lane->w[3] = _mm_shuffle_epi8(_mm_loadu_si128(words + 3), swap);
}

/* Rounds 4i..4i+3, and the words of rounds 4i+16..4i+19. */
static inline void lane_four_rounds(lane_t *lane, unsigned i)
{
    __m128i *w0 = &lane->w[i % 4], w1 = lane->w[(i + 1) % 4], w2 = lane->w[(i + 2) % 4], w3 = lane->w[(i + 3) % 4];
    __m128i sum = _mm_add_epi32(*w0, _mm_loadu_si128((const __m128i *)(const void *)(iotsign_sha256_constants + 4 * i)));
    lane->cdgh = _mm_sha256rnds2_epu32(lane->cdgh, lane->abef, sum);
    lane->abef = _mm_sha256rnds2_epu32(lane->abef, lane->cdgh, _mm_shuffle_epi32(sum, 0x0E));
    if (i < 12) {
        __m128i word = _mm_add_epi32(_mm_sha256msg1_epu32(*w0, w1), _mm_alignr_epi8(w3, w2, 4));
        *w0 = _mm_sha256msg2_epu32(word, w3);
    }
}

static inline void lane_end(lane_t *lane)
{
    lane->abef = _mm_add_epi32(lane->abef, lane->saved_abef);
    lane->cdgh = _mm_add_epi32(lane->cdgh, lane->saved_cdgh);
}

#define EACH_FOUR_ROUNDS(rounds) \
    rounds(0) rounds(1) rounds(2) rounds(3) rounds(4) rounds(5) rounds(6) rounds(7) \
    rounds(8) rounds(9) rounds(10) rounds(11) rounds(12) rounds(13) rounds(14) rounds(15)

void iotsign_sha256_compress_x86(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    lane_t lane;

    lane_load(&lane, state);
    for (; count != 0; count--, blocks += 64) {
        lane_begin(&lane, blocks);
#define ONE(i) lane_four_rounds(&lane, i);
        EACH_FOUR_ROUNDS(ONE)
        lane_end(&lane);
    }
    lane_store(&lane, state);
}

void iotsign_sha256_lanes2_x86(uint32_t *states, const uint8_t *const *blocks, size_t count)
{
    uint32_t state[2][8];
    lane_t first, second;

    for (unsigned i = 0; i < 8; i++) {
        state[0][i] = states[2 * i];
        state[1][i] = states[2 * i + 1];
    }
    lane_load(&first, state[0]);
    lane_load(&second, state[1]);
    for (size_t done = 0; done < count; done++) {
        lane_begin(&first, blocks[0] + 64 * done);
        lane_begin(&second, blocks[1] + 64 * done);
#define BOTH(i) lane_four_rounds(&first, i); lane_four_rounds(&second, i);
        EACH_FOUR_ROUNDS(BOTH)
        lane_end(&first);
        lane_end(&second);
    }
    lane_store(&first, state[0]);
    lane_store(&second, state[1]);
    for (unsigned i = 0; i < 8; i++) {
        states[2 * i] = state[0][i];
        states[2 * i + 1] = state[1][i];
    }
}
