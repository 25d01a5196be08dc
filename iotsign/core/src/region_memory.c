/* SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/region.h"

#include "memory.h"

size_t iotsign_memory_read(void *context, uint32_t offset, void *buffer, size_t length)
{
    memcpy(buffer, (const uint8_t *)context + offset, length);
    return length;
}
