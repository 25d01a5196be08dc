/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that a compiler may call although no source does. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memset(void *to, int byte, size_t length);

void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
    uint8_t *target = to;
    const uint8_t *source = from;

    while (length-- > 0) {
        *target++ = *source++;
    }
    return to;
}

void *memset(void *to, int byte, size_t length)
{
    uint8_t *target = to;

    while (length-- > 0) {
        *target++ = (uint8_t)byte;
    }
    return to;
}
