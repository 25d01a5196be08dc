/* SHA-1 compression (FIPS 180-4 §6.1.3, the schedule as a ring of 16 words).
 * SPDX-License-Identifier: Apache-2.0 */
#include "sha1_compress.h"

#include "compiler.h"
#include "wire.h"

IOTSIGN_WRAPS static inline uint32_t rotate_left(uint32_t word, unsigned bits)
{
    return word << bits | word >> (32 - bits);
}

IOTSIGN_WRAPS void iotsign_sha1_compress(uint32_t state[5], const uint8_t *blocks, size_t count)
{
    for (; count != 0; count--) {
        uint32_t schedule[16];
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];

        for (unsigned t = 0; t < 80; t++) {
            uint32_t word;
            if (t < 16) {
                word = iotsign_be32_load(blocks);
                blocks += 4;
            } else {
                word = schedule[(t + 13) % 16] ^ schedule[(t + 8) % 16] ^ schedule[(t + 2) % 16] ^ schedule[t % 16];
                word = rotate_left(word, 1);
            }
            schedule[t % 16] = word;

            word += rotate_left(a, 5) + e;
            if (t < 20) {
                word += (d ^ (b & (c ^ d))) + 0x5a827999;
            } else if (t < 40) {
                word += (b ^ c ^ d) + 0x6ed9eba1;
            } else if (t < 60) {
                word += ((b & c) | (d & (b | c))) + 0x8f1bbcdc;
            } else {
                word += (b ^ c ^ d) + 0xca62c1d6;
            }
            e = d;
            d = c;
            c = rotate_left(b, 30);
            b = a;
            a = word;
        }

        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
    }
}
