/* Bytes on their way from a receive interrupt to the program; for ports.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_BOOTLOADER_RING_H
#define IOTSIGN_BOOTLOADER_RING_H

#include <stddef.h>
#include <stdint.h>

#define IOTSIGN_RING_SIZE 512u /* a power of two */

typedef struct {
    volatile uint32_t head; /* bytes ever put; only the interrupt changes it */
    volatile uint32_t tail; /* bytes ever taken; only the program changes it */
    uint8_t bytes[IOTSIGN_RING_SIZE];
} iotsign_ring_t;

/* How many bytes may be put. */
static inline uint32_t iotsign_ring_space(const iotsign_ring_t *ring)
{
    return IOTSIGN_RING_SIZE - (ring->head - ring->tail);
}

/* The ring must not be full. */
static inline void iotsign_ring_put(iotsign_ring_t *ring, uint8_t byte)
{
    ring->bytes[ring->head % IOTSIGN_RING_SIZE] = byte;
    ring->head = ring->head + 1u;
}

/* Returns how many bytes were taken: at most size, perhaps none. */
static inline size_t iotsign_ring_take(iotsign_ring_t *ring, uint8_t *buffer, size_t size)
{
    size_t count = 0;
    while (count < size && ring->tail != ring->head) {
        buffer[count++] = ring->bytes[ring->tail % IOTSIGN_RING_SIZE];
        ring->tail = ring->tail + 1u;
    }
    return count;
}

#endif
