/* SPDX-License-Identifier: Apache-2.0 */
#include "slot.h"

#include <stdint.h>

#include "bootloader/board.h"

/* MCUboot's image header, struct image_header in bootutil/image.h: magic u32, …, version at 20. */
#define IMAGE_MAGIC 0x96f3b83du
#define VERSION_AT 20u
#define LOOK_AGAIN_MS 250u /* an interrupt that was lost costs no more */

static void text(const char *from)
{
    for (; *from != '\0'; from++) {
        iotsign_board_write((const uint8_t *)from, 1);
    }
}

static void number(uint32_t value)
{
    char digits[11];
    char *at = digits + sizeof digits - 1;
    *at = '\0';
    do {
        *--at = (char)('0' + value % 10u);
        value /= 10u;
    } while (value != 0u);
    text(at);
}

static void say_version(void)
{
    const uint8_t *header = (const uint8_t *)(uintptr_t)SLOT_HEADER;
    const uint8_t *version = header + VERSION_AT;
    if (*(const uint32_t *)(const void *)header != IMAGE_MAGIC) {
        text("without an image header");
        return;
    }
    number(version[0]);
    text(".");
    number(version[1]);
    text(".");
    number(*(const uint16_t *)(const void *)(version + 2));
    text("+");
    number(*(const uint32_t *)(const void *)(version + 4));
}

void slot_greet(const char *name)
{
    iotsign_board_init();
    text(name);
    text(" ");
    say_version();
    text("\r\n");
}

void slot_say(const char *line)
{
    text(line);
    text("\r\n");
}

void slot_wait(void)
{
    uint8_t before = 0;
    for (;;) {
        uint8_t byte;
        if (iotsign_board_read(&byte, 1, LOOK_AGAIN_MS) == 0u) {
            continue;
        }
        if (before == 0x06u && byte == 0x09u) {
            iotsign_board_request_recovery();
            iotsign_board_reset();
        }
        before = byte;
    }
}
