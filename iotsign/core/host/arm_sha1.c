/* SHA-1 compression with ARMv8 FEAT_SHA1: four rounds an instruction.
 * Built with -march=armv8-a+crypto.
 * SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include "../src/compiler.h"

#include <arm_neon.h>

/* Rounds 4i..4i+3; w[i % 4] becomes the words of rounds 4i+16..4i+19. */
#define FOUR_ROUNDS(i, rounds, constant) \
    do { \
        uint32x4_t sum = vaddq_u32(w[(i) % 4], constant); \
        uint32_t next_e = vsha1h_u32(vgetq_lane_u32(abcd, 0)); \
        abcd = rounds(abcd, e, sum); \
        e = next_e; \
        w[(i) % 4] = vsha1su1q_u32(vsha1su0q_u32(w[(i) % 4], w[((i) + 1) % 4], w[((i) + 2) % 4]), w[((i) + 3) % 4]); \
    } while (0)

#define TWENTY_ROUNDS(i, rounds, constant) \
    do { \
        FOUR_ROUNDS(i, rounds, constant); \
        FOUR_ROUNDS(i + 1, rounds, constant); \
        FOUR_ROUNDS(i + 2, rounds, constant); \
        FOUR_ROUNDS(i + 3, rounds, constant); \
        FOUR_ROUNDS(i + 4, rounds, constant); \
    } while (0)

IOTSIGN_WRAPS void iotsign_sha1_compress_arm(uint32_t state[5], const uint8_t *blocks, size_t count)
{
    const uint32x4_t k0 = vdupq_n_u32(0x5a827999), k1 = vdupq_n_u32(0x6ed9eba1);
    const uint32x4_t k2 = vdupq_n_u32(0x8f1bbcdc), k3 = vdupq_n_u32(0xca62c1d6);
    uint32x4_t abcd = vld1q_u32(state);
    uint32_t e = state[4];

    for (; count != 0; count--, blocks += 64) {
        const uint32x4_t saved_abcd = abcd;
        const uint32_t saved_e = e;
        uint32x4_t w[4];

        for (unsigned i = 0; i < 4; i++) {
            w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(blocks + 16 * i)));
        }
        TWENTY_ROUNDS(0, vsha1cq_u32, k0);
        TWENTY_ROUNDS(5, vsha1pq_u32, k1);
        TWENTY_ROUNDS(10, vsha1mq_u32, k2);
        TWENTY_ROUNDS(15, vsha1pq_u32, k3);
        abcd = vaddq_u32(abcd, saved_abcd);
        e += saved_e;
    }
    vst1q_u32(state, abcd);
    state[4] = e;
}
