/* An SD card in SPI mode: blocks of 512 bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SD_CARD_H
#define SD_CARD_H

#include <stddef.h>
#include <stdint.h>

#define SD_BLOCK 512u
#define SD_FLASH_SIZE 0x400000u /* bytes that are used of it */

/* Both find the card first if need be. They return 0, or -1 if there is none, it does not answer, it refuses, or the data came
 * with a wrong CRC. */
int sd_read(uint32_t block, uint8_t *data);
int sd_write(uint32_t block, const uint8_t *data);

/* The port's: chip select; 400 kHz or full speed; bytes both ways. out may be NULL (0xFF is sent) or in may be NULL. */
void sd_select(int selected);
void sd_speed(int fast);
void sd_transfer(const uint8_t *out, uint8_t *in, size_t length);

#endif
