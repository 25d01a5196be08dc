/* SHA-256 compression (FIPS 180-4 §6.2.2), written for small code and a small stack: the message schedule is a ring of
 * 16 words.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sha256_compress.h"

#include "compiler.h"
#include "wire.h"

IOTSIGN_WRAPS static inline uint32_t rotate_right(uint32_t word, unsigned bits)
{
    return word >> bits | word << (32 - bits);
}

IOTSIGN_WRAPS void iotsign_sha256_compress(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    for (; count != 0; count--) {
        uint32_t schedule[16];
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

        for (unsigned t = 0; t < 64; t++) {
            uint32_t word;
            if (t < 16) {
                word = iotsign_be32_load(blocks);
                blocks += 4;
            } else {
                uint32_t w2 = schedule[(t + 14) % 16], w15 = schedule[(t + 1) % 16];
                word = schedule[t % 16] + schedule[(t + 9) % 16];
                word += rotate_right(w15, 7) ^ rotate_right(w15, 18) ^ w15 >> 3;
                word += rotate_right(w2, 17) ^ rotate_right(w2, 19) ^ w2 >> 10;
            }
            schedule[t % 16] = word;

            uint32_t t1 = h + word + iotsign_sha256_constants[t];
            t1 += rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
            t1 += g ^ (e & (f ^ g));
            uint32_t t2 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
            t2 += (a & b) | (c & (a | b));
            h = g;
            g = f;
            f = e;
            e = d + t1;
            d = c;
            c = b;
            b = a;
            a = t1 + t2;
        }

        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
        state[5] += f;
        state[6] += g;
        state[7] += h;
    }
}
