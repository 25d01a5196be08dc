/* The only foreign symbols of the core, declared here because bare-metal compilers come without <string.h>.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_MEMORY_H
#define IOTSIGN_MEMORY_H

#include <stddef.h>

void *memcpy(void *restrict target, const void *restrict source, size_t length);
void *memset(void *target, int value, size_t length);
int memcmp(const void *left, const void *right, size_t length);

#endif
