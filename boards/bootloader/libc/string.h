/* All of a C library that a boot loader uses, for compilers that come without one; memory.c has the functions.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef STRING_H
#define STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memset(void *to, int byte, size_t length);
int memcmp(const void *left, const void *right, size_t length);

#endif
