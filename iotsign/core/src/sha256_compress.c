/* SHA-256 compression (FIPS 180-4 §6.2.2), written for small code and a small stack: the message schedule is a ring of
 * 16 words.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sha256_compress.h"

#include "compiler.h"
#include "wire.h"

static const uint32_t round_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

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

            uint32_t t1 = h + word + round_constants[t];
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
