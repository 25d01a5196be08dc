/* A SPI NOR flash with 24-bit addresses, pages of 256 bytes and sectors of 64 KiB.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SPI_NOR_H
#define SPI_NOR_H

#include <stddef.h>
#include <stdint.h>

#define NOR_SIZE 0x1000000u

/* The port's: one command with the chip selected throughout: send `head`, then send `out` or receive `in`, `length` bytes; one
 * or both of them are NULL. head_length + length is at most NOR_TRANSFER. */
#define NOR_TRANSFER 4096u
void nor_transfer(const uint8_t *head, size_t head_length, const uint8_t *out, uint8_t *in, size_t length);

#endif
