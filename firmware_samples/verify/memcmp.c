/* SPDX-License-Identifier: Apache-2.0 */
/* The third of the three functions that the core calls; ../lib/memory.c has memcpy and memset. */
#include <stddef.h>

int memcmp(const void *left, const void *right, size_t length);

int memcmp(const void *left, const void *right, size_t length)
{
    const unsigned char *a = left, *b = right;

    for (; length > 0; length--, a++, b++) {
        if (*a != *b) {
            return *a - *b;
        }
    }
    return 0;
}
