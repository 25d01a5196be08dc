/* SPDX-License-Identifier: Apache-2.0 */
/* A line counter: says after each received line how many bytes came so far, and their CRC-32. */
#include <stdint.h>

#include "board.h"
#include "console.h"

static uint32_t received;
static uint32_t crc;

static void take(uint8_t byte)
{
    received++;
    crc = console_crc32(crc, &byte, 1);
    if (byte == '\n') {
        console_text("received ");
        console_number((int32_t)received);
        console_text(" crc32 ");
        console_hex(crc);
        console_text("\n");
    }
}

int main(void)
{
    board_init();
    console_banner("counter");
    for (;;) {
        for (int byte = board_read(); byte >= 0; byte = board_read()) {
            take((uint8_t)byte);
        }
        board_wait();
    }
}
