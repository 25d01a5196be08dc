/* SPDX-License-Identifier: Apache-2.0 */
#include "console.h"

#include "board.h"

#ifndef SAMPLE_VERSION
#error "SAMPLE_VERSION is the Makefile's to define"
#endif

void console_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\n') {
            board_write('\r');
        }
        board_write((uint8_t)*text);
    }
}

void console_number(int32_t number)
{
    char digits[12];
    size_t at = sizeof digits - 1;
    uint32_t rest = number < 0 ? 0u - (uint32_t)number : (uint32_t)number;

    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + rest % 10u);
        rest /= 10u;
    } while (rest != 0u);
    if (number < 0) {
        digits[--at] = '-';
    }
    console_text(&digits[at]);
}

void console_hex(uint32_t number)
{
    for (int shift = 28; shift >= 0; shift -= 4) {
        board_write((uint8_t)"0123456789abcdef"[(number >> shift) & 0xFu]);
    }
}

void console_banner(const char *sample)
{
    size_t length = (size_t)(image_end - image_start);

    console_text("\niotsign sample ");
    console_text(sample);
    console_text(" " SAMPLE_VERSION " on ");
    console_text(board_name);
    console_text("\nimage ");
    console_hex((uint32_t)(uintptr_t)image_start);
    console_text(" length ");
    console_number((int32_t)length);
    console_text(" crc32 ");
    console_hex(console_crc32(0, image_start, length));
    console_text("\n");
}

uint32_t console_crc32(uint32_t crc, const uint8_t *data, size_t length)
{
    crc = ~crc;
    for (; length > 0; length--, data++) {
        crc ^= *data;
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1u)));
        }
    }
    return ~crc;
}
