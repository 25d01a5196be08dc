/* SHA-256 compression (FIPS 180-4 §6.2.2) with a small stack: the message schedule is a ring of 16 words.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sha256_compress.h"

#include "compiler.h"
#include "wire.h"

/* Rounds and words in a row save moves and indices, a third of the time on ARMv7-M, and cost 1.2 KiB of code. Cores with
 * few registers or without rotate instructions gain little. */
#if !defined(IOTSIGN_PROFILE_SMALL) && !defined(__ARM_ARCH_6M__) && !(defined(__riscv_xlen) && __riscv_xlen == 32)
#define IN_A_ROW
#endif

IOTSIGN_WRAPS static inline uint32_t rotate_right(uint32_t word, unsigned bits)
{
    return word >> bits | word << (32 - bits);
}

/* A macro, because gcc makes a larger loop of an inline function. */
#define NEXT_WORD(word, w, t) \
    do { \
        uint32_t w2 = w[((t) + 14) % 16], w15 = w[((t) + 1) % 16]; \
        word = w[(t) % 16] + w[((t) + 9) % 16]; \
        word += rotate_right(w15, 7) ^ rotate_right(w15, 18) ^ w15 >> 3; \
        word += rotate_right(w2, 17) ^ rotate_right(w2, 19) ^ w2 >> 10; \
    } while (0)

IOTSIGN_WRAPS static inline uint32_t t1_of(
    uint32_t e, uint32_t f, uint32_t g, uint32_t h, uint32_t word, uint32_t constant)
{
    h = h + word + constant;
    h += rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
    return h + (g ^ (e & (f ^ g)));
}

IOTSIGN_WRAPS static inline uint32_t t2_of(uint32_t a, uint32_t b, uint32_t c)
{
    return (rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22)) + ((a & b) | (c & (a | b)));
}

#define ROUND(a, b, c, d, e, f, g, h, i) \
    do { \
        h = t1_of(e, f, g, h, words[i], constants[i]); \
        d += h; \
        h += t2_of(a, b, c); \
    } while (0)

IOTSIGN_WRAPS void iotsign_sha256_compress(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    for (; count != 0; count--) {
        uint32_t w[16];
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

#if defined(IN_A_ROW)
        for (unsigned i = 0; i < 16; i++) {
            w[i] = iotsign_be32_load(blocks);
            blocks += 4;
        }
        for (unsigned t = 0; t < 64; t += 8) {
            if (t % 16 == 0 && t != 0) {
                IOTSIGN_UNROLL
                for (unsigned i = 0; i < 16; i++) {
                    uint32_t word;
                    NEXT_WORD(word, w, i);
                    w[i] = word;
                }
            }
            const uint32_t *words = w + t % 16, *constants = iotsign_sha256_constants + t;
            ROUND(a, b, c, d, e, f, g, h, 0);
            ROUND(h, a, b, c, d, e, f, g, 1);
            ROUND(g, h, a, b, c, d, e, f, 2);
            ROUND(f, g, h, a, b, c, d, e, 3);
            ROUND(e, f, g, h, a, b, c, d, 4);
            ROUND(d, e, f, g, h, a, b, c, 5);
            ROUND(c, d, e, f, g, h, a, b, 6);
            ROUND(b, c, d, e, f, g, h, a, 7);
        }
#else
        for (unsigned t = 0; t < 64; t++) {
            uint32_t word;
            if (t < 16) {
                word = iotsign_be32_load(blocks);
                blocks += 4;
            } else {
                NEXT_WORD(word, w, t);
            }
            w[t % 16] = word;
            uint32_t t1 = t1_of(e, f, g, h, word, iotsign_sha256_constants[t]), t2 = t2_of(a, b, c);
            h = g;
            g = f;
            f = e;
            e = d + t1;
            d = c;
            c = b;
            b = a;
            a = t1 + t2;
        }
#endif

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
