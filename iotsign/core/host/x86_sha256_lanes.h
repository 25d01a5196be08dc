/* SHA-256 of as many messages at once as a vector has 32-bit lanes. Included by the file of each vector extension, which
 * defines vector_t, LANES, words_load and the functions of FIPS 180-4 §4.1.2 on all lanes.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_X86_SHA256_LANES_H
#define IOTSIGN_X86_SHA256_LANES_H

#include "inline.h"

ALWAYS_INLINE void compress(uint32_t *states, const uint8_t *const *blocks, size_t count)
{
    vector_t state[8];

    for (unsigned i = 0; i < 8; i++) {
        state[i] = vector_load(states + i * LANES);
    }
    for (size_t done = 0; done < count; done++) {
        vector_t w[16], v[8]; /* v[(0 - t) % 8] is a of round t, v[(1 - t) % 8] is b, and so on */

        words_load(w, blocks, 64 * done);
        for (unsigned i = 0; i < 8; i++) {
            v[i] = state[i];
        }
        for (unsigned t = 0; t < 64; t += 16) {
            UNROLL
            for (unsigned i = 0; i < 16; i++) {
                vector_t a = v[(16 - i) % 8], b = v[(17 - i) % 8], c = v[(18 - i) % 8], *d = &v[(19 - i) % 8];
                vector_t e = v[(20 - i) % 8], f = v[(21 - i) % 8], g = v[(22 - i) % 8], *h = &v[(23 - i) % 8];
                vector_t sum = add(add(*h, word_constant(iotsign_sha256_constants[t + i])), w[i]);

                sum = add(add(sum, choice(e, f, g)), big_sigma1(e));
                *d = add(*d, sum);
                *h = add(add(sum, majority(a, b, c)), big_sigma0(a));
                if (t < 48) {
                    w[i] = add(add(w[i], w[(i + 9) % 16]), add(sigma0(w[(i + 1) % 16]), sigma1(w[(i + 14) % 16])));
                }
            }
        }
        for (unsigned i = 0; i < 8; i++) {
            state[i] = add(state[i], v[i]);
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        vector_store(states + i * LANES, state[i]);
    }
}

#endif
