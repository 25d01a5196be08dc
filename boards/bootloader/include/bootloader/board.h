/* What a port offers besides its flash: a serial line, time, reset, and the jump into an image. Applications that link a
 * port use the same functions.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_BOOTLOADER_BOARD_H
#define IOTSIGN_BOOTLOADER_BOARD_H

#include <stddef.h>
#include <stdint.h>

#define IOTSIGN_BOOT_VERSION "1.0.0"

/* A time-out that never comes. */
#define IOTSIGN_FOREVER UINT32_MAX

/* Clocks, the serial line with its receive interrupt, time. Call it once, first. */
void iotsign_board_init(void);

/* Receive between 1 and size bytes; size is at least 1. Sleeps until there is a byte or the time is over; with
 * timeout_ms = 0 it only takes what has already come. Returns the number of bytes, 0 after a time-out. */
size_t iotsign_board_read(uint8_t *buffer, size_t size, uint32_t timeout_ms);

/* Send; returns when the last byte has been handed to the line. length may be 0. */
void iotsign_board_write(const uint8_t *data, size_t length);

/* Milliseconds since iotsign_board_init; wraps. */
uint32_t iotsign_board_milliseconds(void);

/* Never returns. RAM keeps its content. */
void iotsign_board_reset(void);

/* Run the program at `address` with all interrupt sources disabled; never returns. Cortex-M: a vector table lies there, which
 * becomes the valid one. RISC-V: its first instruction. */
void iotsign_board_start(uint32_t address);

/* For an application: have the boot loader stay in recovery at the next reset. */
void iotsign_board_request_recovery(void);
/* 1 if that was done before this reset; asking takes the request back. */
int iotsign_board_recovery_requested(void);

/* Reset the board when timeout_ms are over, unless this is called again before; 0 stops it. A board without a watchdog does
 * nothing. */
void iotsign_board_watchdog(uint32_t timeout_ms);

#endif
