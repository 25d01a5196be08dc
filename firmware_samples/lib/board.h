/* SPDX-License-Identifier: Apache-2.0 */
/* What a board offers to the samples. */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#define BOARD_TICKS_PER_SECOND 100u

/* The program image as it lies in flash: from image_start up to, not including, image_end. */
extern const uint8_t image_start[];
extern const uint8_t image_end[];

/* The board's name. */
extern const char board_name[];

/* Sets up the serial line and starts the tick. Call it once, first. */
void board_init(void);

/* Sends one byte; waits while the line is busy. */
void board_write(uint8_t byte);

/* Gives the next received byte, 0..255, or -1 if there is none. Never waits. */
int board_read(void);

/* Sleeps until the next tick. */
void board_wait(void);

/* The sample; the start-up code calls it with memory initialised. It must not return. */
int main(void);

#endif
