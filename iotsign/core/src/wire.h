/* Big-endian integers in memory, at any alignment.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_WIRE_H
#define IOTSIGN_WIRE_H

#include <stdint.h>

static inline uint32_t iotsign_be32_load(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static inline uint64_t iotsign_be64_load(const uint8_t *bytes)
{
    return (uint64_t)iotsign_be32_load(bytes) << 32 | iotsign_be32_load(bytes + 4);
}

static inline void iotsign_be32_store(uint8_t *bytes, uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 24);
    bytes[1] = (uint8_t)(value >> 16 & 0xFFu);
    bytes[2] = (uint8_t)(value >> 8 & 0xFFu);
    bytes[3] = (uint8_t)(value & 0xFFu);
}

static inline void iotsign_be64_store(uint8_t *bytes, uint64_t value)
{
    iotsign_be32_store(bytes, (uint32_t)(value >> 32));
    iotsign_be32_store(bytes + 4, (uint32_t)(value & 0xFFFFFFFFu));
}

#endif
