/* What all bare machines share: the three functions that the core wants, and the painted stack.
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

extern uint32_t stack_limit[]; /* lowest word of the stack, from the linker script */

#define PAINT 0xA5C35A3Cu

void machine_stack_paint(void)
{
    volatile uint32_t here = 0;
    volatile uint32_t *end = &here - 16;

    for (volatile uint32_t *word = stack_limit; word < end; word++) {
        *word = PAINT;
    }
}

uint32_t machine_stack_used(void)
{
    volatile uint32_t here = 0;
    volatile uint32_t *word = stack_limit;

    while (*word == PAINT) {
        word++;
    }
    return (uint32_t)((&here - word) * 4);
}

/* word by word where both ends are aligned, as a C library does */
void *memcpy(void *restrict target, const void *restrict source, size_t length)
{
    uint8_t *to = target;
    const uint8_t *from = source;

    if ((((uintptr_t)to | (uintptr_t)from) & 3u) == 0) {
        for (; length >= 4; length -= 4, to += 4, from += 4) {
            *(uint32_t *)(void *)to = *(const uint32_t *)(const void *)from;
        }
    }
    while (length-- > 0) {
        *to++ = *from++;
    }
    return target;
}

void *memset(void *target, int value, size_t length)
{
    uint8_t *to = target;
    uint32_t word = (uint8_t)value * 0x01010101u;

    if (((uintptr_t)to & 3u) == 0) {
        for (; length >= 4; length -= 4, to += 4) {
            *(uint32_t *)(void *)to = word;
        }
    }
    while (length-- > 0) {
        *to++ = (uint8_t)value;
    }
    return target;
}

int memcmp(const void *left, const void *right, size_t length)
{
    const uint8_t *a = left, *b = right;

    for (; length > 0; length--, a++, b++) {
        if (*a != *b) {
            return *a - *b;
        }
    }
    return 0;
}
