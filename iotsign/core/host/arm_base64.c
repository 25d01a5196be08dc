/* Base64 with AArch64 Advanced SIMD: 48 bytes and 64 characters at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#include "paths.h"

#include <arm_neon.h>

#define NONE 0x80

static const uint8_t alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static inline uint8x16x4_t table_load(const uint8_t *table)
{
    uint8x16x4_t loaded = {{vld1q_u8(table), vld1q_u8(table + 16), vld1q_u8(table + 32), vld1q_u8(table + 48)}};
    return loaded;
}

size_t iotsign_base64_encode_neon(const uint8_t *data, size_t count, uint8_t *text)
{
    const uint8x16x4_t characters = table_load(alphabet);
    const uint8x16_t six_bits = vdupq_n_u8(63);
    size_t done = 0;

    for (; count - done >= 16; done += 16) {
        uint8x16x3_t bytes = vld3q_u8(data + 3 * done);
        uint8x16x4_t out;
        out.val[0] = vqtbl4q_u8(characters, vshrq_n_u8(bytes.val[0], 2));
        out.val[1] = vqtbl4q_u8(characters, vandq_u8(vsliq_n_u8(vshrq_n_u8(bytes.val[1], 4), bytes.val[0], 4), six_bits));
        out.val[2] = vqtbl4q_u8(characters, vandq_u8(vsliq_n_u8(vshrq_n_u8(bytes.val[2], 6), bytes.val[1], 2), six_bits));
        out.val[3] = vqtbl4q_u8(characters, vandq_u8(bytes.val[2], six_bits));
        vst4q_u8(text + 4 * done, out);
    }
    return done;
}

/* The values of sixteen characters; NONE or above for a foreign one. */
static inline uint8x16_t values_of(uint8x16x4_t lower, uint8x16x4_t upper, uint8x16_t characters)
{
    uint8x16_t above_63 = veorq_u8(characters, vdupq_n_u8(64));
    uint8x16_t value = vorrq_u8(vqtbl4q_u8(lower, characters), vqtbl4q_u8(upper, above_63));
    return vorrq_u8(value, vandq_u8(characters, vdupq_n_u8(NONE)));
}

size_t iotsign_base64_decode_neon(const uint8_t *text, size_t count, uint8_t *data)
{
    uint8_t table[128];
    size_t done = 0;

    if (count < 16) {
        return 0;
    }
    for (unsigned i = 0; i < sizeof table; i++) {
        table[i] = NONE;
    }
    for (unsigned i = 0; i < 64; i++) {
        table[alphabet[i]] = (uint8_t)i;
    }
    const uint8x16x4_t lower = table_load(table), upper = table_load(table + 64);

    for (; count - done >= 16; done += 16) {
        uint8x16x4_t characters = vld4q_u8(text + 4 * done);
        uint8x16_t first = values_of(lower, upper, characters.val[0]), second = values_of(lower, upper, characters.val[1]);
        uint8x16_t third = values_of(lower, upper, characters.val[2]), fourth = values_of(lower, upper, characters.val[3]);
        uint8x16x3_t bytes;
        if (vmaxvq_u8(vorrq_u8(vorrq_u8(first, second), vorrq_u8(third, fourth))) >= NONE) {
            break;
        }
        bytes.val[0] = vorrq_u8(vshlq_n_u8(first, 2), vshrq_n_u8(second, 4));
        bytes.val[1] = vorrq_u8(vshlq_n_u8(second, 4), vshrq_n_u8(third, 2));
        bytes.val[2] = vorrq_u8(vshlq_n_u8(third, 6), fourth);
        vst3q_u8(data + 3 * done, bytes);
    }
    return done;
}
