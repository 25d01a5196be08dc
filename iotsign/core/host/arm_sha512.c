/* SHA-512 compression with ARMv8.2 FEAT_SHA512: two rounds a pair of instructions.
 * Built with -march=armv8.2-a+sha3, which brings it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include "../src/sha512_compress.h"

#include <arm_neon.h>

/* Rounds 2i..2i+1; w[i % 8] becomes the words of rounds 2i+16..2i+17. */
#define TWO_ROUNDS(i) \
    do { \
        uint64x2_t sum = vaddq_u64(w[(i) % 8], vld1q_u64(iotsign_sha512_constants + 2 * (i))); \
        uint64x2_t fg = vextq_u64(ef, gh, 1), de = vextq_u64(cd, ef, 1); \
        uint64x2_t t1 = vsha512hq_u64(vaddq_u64(gh, vextq_u64(sum, sum, 1)), fg, de); \
        uint64x2_t next_ab = vsha512h2q_u64(t1, cd, ab); \
        gh = ef; \
        ef = vaddq_u64(cd, t1); \
        cd = ab; \
        ab = next_ab; \
        w[(i) % 8] = vsha512su1q_u64(vsha512su0q_u64(w[(i) % 8], w[((i) + 1) % 8]), w[((i) + 7) % 8], \
                                     vextq_u64(w[((i) + 4) % 8], w[((i) + 5) % 8], 1)); \
    } while (0)

void iotsign_sha512_compress_arm(uint64_t state[8], const uint8_t *blocks, size_t count)
{
    uint64x2_t ab = vld1q_u64(state), cd = vld1q_u64(state + 2), ef = vld1q_u64(state + 4), gh = vld1q_u64(state + 6);

    for (; count != 0; count--, blocks += 128) {
        const uint64x2_t saved_ab = ab, saved_cd = cd, saved_ef = ef, saved_gh = gh;
        uint64x2_t w[8];

        for (unsigned i = 0; i < 8; i++) {
            w[i] = vreinterpretq_u64_u8(vrev64q_u8(vld1q_u8(blocks + 16 * i)));
        }
        for (unsigned i = 0; i < 40; i += 8) {
            TWO_ROUNDS(i);
            TWO_ROUNDS(i + 1);
            TWO_ROUNDS(i + 2);
            TWO_ROUNDS(i + 3);
            TWO_ROUNDS(i + 4);
            TWO_ROUNDS(i + 5);
            TWO_ROUNDS(i + 6);
            TWO_ROUNDS(i + 7);
        }
        ab = vaddq_u64(ab, saved_ab);
        cd = vaddq_u64(cd, saved_cd);
        ef = vaddq_u64(ef, saved_ef);
        gh = vaddq_u64(gh, saved_gh);
    }
    vst1q_u64(state, ab);
    vst1q_u64(state + 2, cd);
    vst1q_u64(state + 4, ef);
    vst1q_u64(state + 6, gh);
}
