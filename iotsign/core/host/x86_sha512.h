/* SHA-512 compression for x86-64 with 256-bit vectors: the message schedules of four blocks in the four lanes, and among
 * them the rounds of four earlier blocks, one after the other, so that neither waits for the other.
 * Included by the file of each vector extension, which defines sigma0 and sigma1 (FIPS 180-4 §4.1.3) on four lanes, the
 * working variables as rounds_t with rounds_begin and rounds_end, and one_round.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_X86_SHA512_H
#define IOTSIGN_X86_SHA512_H

#include "../src/sha512_compress.h"
#include "inline.h"

#include <immintrin.h>

#define LANES 4u

/* schedule[t * LANES + lane] is word t of that lane's block plus the constant of round t */
typedef uint64_t schedule_t[80 * LANES];

/* The first 16 words of count blocks, one block a lane; lanes without a block repeat the last one. */
ALWAYS_INLINE void words_load(__m256i w[16], const uint8_t *blocks, size_t count)
{
    const __m256i swap = _mm256_broadcastsi128_si256(_mm_set_epi64x(0x08090a0b0c0d0e0f, 0x0001020304050607));
    const uint8_t *lane[LANES];

    for (size_t i = 0; i < LANES; i++) {
        lane[i] = blocks + 128 * (i < count ? i : count - 1);
    }
    UNROLL
    for (unsigned i = 0; i < 16; i += 4) {
        __m256i row0 = _mm256_loadu_si256((const __m256i *)(const void *)(lane[0] + 8 * i));
        __m256i row1 = _mm256_loadu_si256((const __m256i *)(const void *)(lane[1] + 8 * i));
        __m256i row2 = _mm256_loadu_si256((const __m256i *)(const void *)(lane[2] + 8 * i));
        __m256i row3 = _mm256_loadu_si256((const __m256i *)(const void *)(lane[3] + 8 * i));
        __m256i even01 = _mm256_unpacklo_epi64(row0, row1), odd01 = _mm256_unpackhi_epi64(row0, row1);
        __m256i even23 = _mm256_unpacklo_epi64(row2, row3), odd23 = _mm256_unpackhi_epi64(row2, row3);
        w[i] = _mm256_shuffle_epi8(_mm256_permute2x128_si256(even01, even23, 0x20), swap);
        w[i + 1] = _mm256_shuffle_epi8(_mm256_permute2x128_si256(odd01, odd23, 0x20), swap);
        w[i + 2] = _mm256_shuffle_epi8(_mm256_permute2x128_si256(even01, even23, 0x31), swap);
        w[i + 3] = _mm256_shuffle_epi8(_mm256_permute2x128_si256(odd01, odd23, 0x31), swap);
    }
}

/* Stores word t of the schedule, t % 16 == i, and replaces it by word t + 16. */
ALWAYS_INLINE void word_step(__m256i w[16], unsigned i, uint64_t *target, const uint64_t *constants)
{
    __m256i constant = _mm256_set1_epi64x((long long)constants[i]);
    _mm256_store_si256((__m256i *)(void *)(target + i * LANES), _mm256_add_epi64(w[i], constant));
    w[i] = _mm256_add_epi64(_mm256_add_epi64(w[i], w[(i + 9) % 16]),
                            _mm256_add_epi64(sigma0(w[(i + 1) % 16]), sigma1(w[(i + 14) % 16])));
}

static void schedule_fill(schedule_t schedule, const uint8_t *blocks, size_t count)
{
    __m256i w[16];

    words_load(w, blocks, count);
    for (unsigned t = 0; t < 80; t += 16) {
        UNROLL
        for (unsigned i = 0; i < 16; i++) {
            word_step(w, i, schedule + t * LANES, iotsign_sha512_constants + t);
        }
    }
}

static void rounds_run(uint64_t state[8], const uint64_t *schedule, size_t count)
{
    rounds_t r;

    rounds_begin(&r, state);
    for (size_t lane = 0; lane < count; lane++) {
        for (unsigned t = 0; t < 80; t += 8) {
            UNROLL
            for (unsigned i = 0; i < 8; i++) {
                one_round(&r, i, &schedule[(t + i) * LANES + lane]);
            }
        }
        rounds_end(&r, state);
    }
}

/* Four words of the next schedule among sixteen rounds of this one; i is 0, 4, 8 or 12. */
#define SIXTEEN_ROUNDS(i) \
    do { \
        four_rounds(&r, 0, words); \
        word_step(w, i, target, constants); \
        four_rounds(&r, 4, words + 4 * LANES); \
        word_step(w, i + 1, target, constants); \
        four_rounds(&r, 8, words + 8 * LANES); \
        word_step(w, i + 2, target, constants); \
        four_rounds(&r, 12, words + 12 * LANES); \
        word_step(w, i + 3, target, constants); \
        words += 16 * LANES; \
        if (words >= schedule + 80 * LANES) { \
            rounds_end(&r, state); \
            words -= 80 * LANES - 1; \
        } \
    } while (0)

ALWAYS_INLINE void four_rounds(rounds_t *r, unsigned t, const uint64_t *words)
{
    one_round(r, t, words);
    one_round(r, t + 1, words + LANES);
    one_round(r, t + 2, words + 2 * LANES);
    one_round(r, t + 3, words + 3 * LANES);
}

/* The rounds of four blocks, and the schedules of the next count (1..4) blocks. */
static void rounds_run_and_fill(uint64_t state[8], const schedule_t schedule, schedule_t next, const uint8_t *blocks,
                                size_t count)
{
    const uint64_t *words = schedule, *constants = iotsign_sha512_constants;
    uint64_t *target = next;
    __m256i w[16];
    rounds_t r;

    words_load(w, blocks, count);
    rounds_begin(&r, state);
    for (unsigned row = 0; row < 5; row++) {
        SIXTEEN_ROUNDS(0);
        SIXTEEN_ROUNDS(4);
        SIXTEEN_ROUNDS(8);
        SIXTEEN_ROUNDS(12);
        target += 16 * LANES;
        constants += 16;
    }
}

ALWAYS_INLINE void compress(uint64_t state[8], const uint8_t *blocks, size_t count)
{
    schedule_t schedules[2] __attribute__((aligned(32)));
    unsigned current = 0;

    if (count == 0) {
        return;
    }
    schedule_fill(schedules[0], blocks, count);
    for (; count > LANES; count -= LANES, current ^= 1u) {
        blocks += 128 * LANES;
        rounds_run_and_fill(state, schedules[current], schedules[current ^ 1u], blocks, count - LANES);
    }
    rounds_run(state, schedules[current], count);
}

#endif
