/* SHA-256 compression with ARMv8 FEAT_SHA256: four rounds a pair of instructions.
 * Built with -march=armv8-a+crypto.
 * SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include "../src/sha256_compress.h"

#include <arm_neon.h>

/* Rounds 4i..4i+3; w[i % 4] becomes the words of rounds 4i+16..4i+19. */
#define FOUR_ROUNDS(i) \
    do { \
        uint32x4_t sum = vaddq_u32(w[(i) % 4], vld1q_u32(iotsign_sha256_constants + 4 * (i))), previous = abcd; \
        abcd = vsha256hq_u32(abcd, efgh, sum); \
        efgh = vsha256h2q_u32(efgh, previous, sum); \
        w[(i) % 4] = vsha256su1q_u32(vsha256su0q_u32(w[(i) % 4], w[((i) + 1) % 4]), w[((i) + 2) % 4], w[((i) + 3) % 4]); \
    } while (0)

void iotsign_sha256_compress_arm(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);

    for (; count != 0; count--, blocks += 64) {
        const uint32x4_t saved_abcd = abcd, saved_efgh = efgh;
        uint32x4_t w[4];

        for (unsigned i = 0; i < 4; i++) {
            w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(blocks + 16 * i)));
        }
        for (unsigned i = 0; i < 16; i += 4) {
            FOUR_ROUNDS(i);
            FOUR_ROUNDS(i + 1);
            FOUR_ROUNDS(i + 2);
            FOUR_ROUNDS(i + 3);
        }
        abcd = vaddq_u32(abcd, saved_abcd);
        efgh = vaddq_u32(efgh, saved_efgh);
    }
    vst1q_u32(state, abcd);
    vst1q_u32(state + 4, efgh);
}
