/* SPDX-License-Identifier: Apache-2.0 */
/* Text on the serial line, and the CRC-32 with which a sample names its own image. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stddef.h>
#include <stdint.h>

/* Writes a zero-terminated text; each '\n' is preceded by '\r'. */
void console_text(const char *text);

/* Writes a number in decimal digits, with '-' if it is negative. */
void console_number(int32_t number);

/* Writes eight hexadecimal digits. */
void console_hex(uint32_t number);

/* Writes what every sample says first: its name, version, board, and its image with the CRC-32 of it. */
void console_banner(const char *sample);

/* Continues the CRC-32 of IEEE 802.3 (as zlib has it) over length bytes; begin with crc = 0. */
uint32_t console_crc32(uint32_t crc, const uint8_t *data, size_t length);

#endif
