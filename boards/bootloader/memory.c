/* The three functions of a C library that the core calls and a compiler may call; by words where both sides allow it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

typedef uint32_t __attribute__((may_alias)) word_t;

void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    if ((((uintptr_t)target | (uintptr_t)source) & 3u) == 0u) {
        for (; length >= 32u; length -= 32u, target += 32, source += 32) {
            const word_t *words = (const word_t *)(const void *)source;
            word_t *place = (word_t *)(void *)target;
            word_t a = words[0], b = words[1], c = words[2], d = words[3];
            place[0] = a;
            place[1] = b;
            place[2] = c;
            place[3] = d;
            a = words[4], b = words[5], c = words[6], d = words[7];
            place[4] = a;
            place[5] = b;
            place[6] = c;
            place[7] = d;
        }
    }
    while (length-- > 0u) {
        *target++ = *source++;
    }
    return to;
}

void *memset(void *to, int byte, size_t length)
{
    uint8_t *target = to;
    while (length-- > 0u) {
        *target++ = (uint8_t)byte;
    }
    return to;
}

int memcmp(const void *left, const void *right, size_t length)
{
    const uint8_t *a = left;
    const uint8_t *b = right;
    for (; length > 0u; length--, a++, b++) {
        if (*a != *b) {
            return *a - *b;
        }
    }
    return 0;
}
