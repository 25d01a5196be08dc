/* SHA-256 compression (FIPS 180-4 §6.2.2) with a small stack: the message schedule is a ring of 16 words.
 * SPDX-License-Identifier: Apache-2.0
 *
 * What one skipped instruction could bend so that a chosen block gives a wanted state is watched: the words, which come from
 * the first reading, are compared with the second one after nothing but rounds could have changed them, and the rounds are
 * counted. `volatile` makes the compiler load a word again for each use, and believe no count. */
#include "sha256_compress.h"

#include "compiler.h"
#include "wire.h"

#define TURN 16u /* rounds, and words of the ring */

IOTSIGN_WRAPS static inline uint32_t rotate_right(uint32_t word, unsigned bits)
{
    return word >> bits | word << (32 - bits);
}

/* Word t + 16 of the schedule; `oldest` is word t. A macro, because gcc makes a larger loop of an inline function. */
#define NEXT_WORD(word, oldest, w, t) \
    do { \
        uint32_t w2 = w[((t) + 14) % TURN], w15 = w[((t) + 1) % TURN]; \
        word = oldest + w[((t) + 9) % TURN]; \
        word += rotate_right(w15, 7) ^ rotate_right(w15, 18) ^ w15 >> 3; \
        word += rotate_right(w2, 17) ^ rotate_right(w2, 19) ^ w2 >> 10; \
        oldest = w15; \
    } while (0)

/* Σ1(e) and Σ0(a), with two rotations where the last one costs nothing: as part of the addition that follows. */
#define SIGMA1(e) rotate_right(e ^ rotate_right(e ^ rotate_right(e, 14), 5), 6)
#define SIGMA0(a) rotate_right(a ^ rotate_right(a ^ rotate_right(a, 9), 11), 2)

/* Rounds in a row save moves and indices, a fifth of the time on ARMv7-M, and cost 1.9 KiB of code. Cores with few registers
 * or without rotate instructions gain little. */
#if !defined(IOTSIGN_PROFILE_SMALL) && !defined(__ARM_ARCH_6M__) && !(defined(__riscv_xlen) && __riscv_xlen == 32)

/* `ab` becomes a ^ b and `bc` is that of the round before, for Maj: ((a ^ b) & (b ^ c)) ^ b. */
#define ROUND(a, b, c, d, e, f, g, h, ab, bc, word, constant) \
    do { \
        h += (word); \
        h += (constant); \
        h += g ^ (e & (f ^ g)); \
        h += SIGMA1(e); \
        d += h; \
        h += SIGMA0(a); \
        ab = a ^ b; \
        bc &= ab; \
        h += bc ^ b; \
    } while (0)

#define GIVEN_ROUND(a, b, c, d, e, f, g, h, ab, bc, i) ROUND(a, b, c, d, e, f, g, h, ab, bc, words[i], constants[i])
#define NEXT_ROUND(a, b, c, d, e, f, g, h, ab, bc, i) \
    do { \
        uint32_t word; \
        NEXT_WORD(word, oldest, w, i); \
        w[i] = word; \
        ROUND(a, b, c, d, e, f, g, h, ab, bc, word, constants[i]); \
    } while (0)

#define EIGHT(R, i) \
    R(a, b, c, d, e, f, g, h, ab, bc, (i) + 0); \
    R(h, a, b, c, d, e, f, g, bc, ab, (i) + 1); \
    R(g, h, a, b, c, d, e, f, ab, bc, (i) + 2); \
    R(f, g, h, a, b, c, d, e, bc, ab, (i) + 3); \
    R(e, f, g, h, a, b, c, d, ab, bc, (i) + 4); \
    R(d, e, f, g, h, a, b, c, bc, ab, (i) + 5); \
    R(c, d, e, f, g, h, a, b, ab, bc, (i) + 6); \
    R(b, c, d, e, f, g, h, a, bc, ab, (i) + 7)

IOTSIGN_WRAPS uint32_t iotsign_sha256_compress_twice(uint32_t state[8], const uint8_t *blocks, const uint8_t *again,
                                                     size_t count, uint32_t *difference)
{
    const int is_compared = again != blocks;
    volatile uint32_t turns = 0;

    for (; count != 0; count--) {
        volatile uint32_t w[TURN];

        IOTSIGN_UNROLL
        for (unsigned i = 0; i < TURN; i++) {
            w[i] = iotsign_be32_load(blocks + 4 * i);
        }
        blocks += 4 * TURN;
        if (is_compared) {
            uint32_t differs = 0;
            IOTSIGN_UNROLL
            for (unsigned i = 0; i < TURN; i++) {
                differs |= w[i] ^ iotsign_be32_load(again + 4 * i);
            }
            again += 4 * TURN;
            *difference |= differs;
        }

        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
        uint32_t ab, bc = b ^ c;
        const uint32_t *constants = iotsign_sha256_constants;

        for (const volatile uint32_t *words = w; words != w + TURN; words += 8, constants += 8) {
            EIGHT(GIVEN_ROUND, 0);
        }
        turns = turns + 1;
        for (; constants != iotsign_sha256_constants + 64; constants += TURN) {
            uint32_t oldest = w[0];
            EIGHT(NEXT_ROUND, 0);
            EIGHT(NEXT_ROUND, 8);
            turns = turns + 1;
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
    return turns;
}

#else

IOTSIGN_WRAPS uint32_t iotsign_sha256_compress_twice(uint32_t state[8], const uint8_t *blocks, const uint8_t *again,
                                                     size_t count, uint32_t *difference)
{
    const int is_compared = again != blocks;
    volatile uint32_t turns = 0;

    for (; count != 0; count--) {
        volatile uint32_t w[TURN];
        const uint32_t *constants = iotsign_sha256_constants;
        uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
        uint32_t e = state[4], f = state[5], g = state[6], h = state[7];

        for (unsigned i = 0; i < TURN; i++) {
            w[i] = iotsign_be32_load(blocks);
            blocks += 4;
        }
        for (unsigned turn = 0; turn < 4; turn++) {
            uint32_t oldest = w[0];
            for (unsigned i = 0; i < TURN; i++) {
                uint32_t word, t1, t2;
                if (turn != 0) {
                    NEXT_WORD(word, oldest, w, i);
                    w[i] = word;
                }
                t1 = h + w[i] + *constants++;
                t1 += SIGMA1(e);
                t1 += g ^ (e & (f ^ g));
                t2 = SIGMA0(a);
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
            if (turn == 0 && is_compared) { /* after its rounds: a word that the schedule has already replaced is seen, too */
                for (unsigned i = 0; i < TURN; i++) {
                    *difference |= w[i] ^ iotsign_be32_load(again);
                    again += 4;
                }
            }
            turns = turns + 1;
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
    return turns;
}

#endif

void iotsign_sha256_compress(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    uint32_t difference = 0;

    (void)iotsign_sha256_compress_twice(state, blocks, blocks, count, &difference);
}
