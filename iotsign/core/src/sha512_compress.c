/* SHA-512 compression (FIPS 180-4 §6.4.2, the schedule as a ring of 16 words).
 * SPDX-License-Identifier: Apache-2.0 */
#include "sha512_compress.h"

#include "compiler.h"
#include "wire.h"

IOTSIGN_WRAPS static inline uint64_t rotate_right(uint64_t word, unsigned bits)
{
    return word >> bits | word << (64 - bits);
}

IOTSIGN_WRAPS void iotsign_sha512_compress(uint64_t state[8], const uint8_t *blocks, size_t count)
{
    for (; count != 0; count--) {
        uint64_t schedule[16];
        uint64_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint64_t e = state[4], f = state[5], g = state[6], h = state[7];

        for (unsigned t = 0; t < 80; t++) {
            uint64_t word;
            if (t < 16) {
                word = iotsign_be64_load(blocks);
                blocks += 8;
            } else {
                uint64_t w2 = schedule[(t + 14) % 16], w15 = schedule[(t + 1) % 16];
                word = schedule[t % 16] + schedule[(t + 9) % 16];
                word += rotate_right(w15, 1) ^ rotate_right(w15, 8) ^ w15 >> 7;
                word += rotate_right(w2, 19) ^ rotate_right(w2, 61) ^ w2 >> 6;
            }
            schedule[t % 16] = word;

            uint64_t t1 = h + word + iotsign_sha512_constants[t];
            t1 += rotate_right(e, 14) ^ rotate_right(e, 18) ^ rotate_right(e, 41);
            t1 += g ^ (e & (f ^ g));
            uint64_t t2 = rotate_right(a, 28) ^ rotate_right(a, 34) ^ rotate_right(a, 39);
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
