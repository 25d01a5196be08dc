/* SPI NOR flash.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: Spansion S25FL128S data sheet (001-98283), chapter 9: WREN 06h, RDSR1 05h, CLSR 30h, READ 03h, PP 02h, SE D8h. */
#include "spi_nor.h"

#include "bootloader/board.h"
#include "bootloader/flash.h"

#define WRITE_ENABLE 0x06u
#define READ_STATUS 0x05u
#define CLEAR_STATUS 0x30u
#define READ 0x03u
#define PROGRAM 0x02u
#define ERASE 0xD8u

#define BUSY 0x01u
#define FAILED 0x60u /* program or erase error */
#define PAGE 256u
#define MOST_READ (NOR_TRANSFER - 4u)
#define PROGRAM_MS 10u
#define ERASE_MS 3000u

static int lies_in_flash(uint32_t offset, size_t length)
{
    return offset <= NOR_SIZE && length <= NOR_SIZE - offset;
}

static void command(uint8_t code)
{
    nor_transfer(&code, 1, NULL, NULL, 0);
}

static void access(uint8_t code, uint32_t offset, const uint8_t *out, uint8_t *in, size_t length)
{
    const uint8_t head[4] = {code, (uint8_t)(offset >> 16), (uint8_t)(offset >> 8), (uint8_t)offset};
    nor_transfer(head, sizeof head, out, in, length);
}

/* Wait for the end of a program or erase operation. */
static int settle(uint32_t timeout_ms)
{
    static const uint8_t read_status = READ_STATUS;
    uint32_t start = iotsign_board_milliseconds();
    uint8_t state;
    do {
        nor_transfer(&read_status, 1, NULL, &state, 1);
        if ((state & FAILED) != 0u) {
            command(CLEAR_STATUS);
            return -1;
        }
        if ((state & BUSY) == 0u) {
            return 0;
        }
    } while (iotsign_board_milliseconds() - start <= timeout_ms);
    return -1;
}

int iotsign_flash_read(uint32_t offset, void *buffer, size_t length)
{
    uint8_t *to = buffer;
    if (!lies_in_flash(offset, length)) {
        return -1;
    }
    while (length > 0u) {
        size_t part = length < MOST_READ ? length : MOST_READ;
        access(READ, offset, NULL, to, part);
        to += part;
        offset += (uint32_t)part;
        length -= part;
    }
    return 0;
}

int iotsign_flash_write(uint32_t offset, const void *data, size_t length)
{
    const uint8_t *from = data;
    int status = lies_in_flash(offset, length) ? 0 : -1;
    while (status == 0 && length > 0u) {
        size_t rest = PAGE - offset % PAGE;
        size_t part = length < rest ? length : rest;
        command(WRITE_ENABLE);
        access(PROGRAM, offset, from, NULL, part);
        status = settle(PROGRAM_MS);
        from += part;
        offset += (uint32_t)part;
        length -= part;
    }
    return status;
}

int iotsign_flash_erase(uint32_t offset, uint32_t length)
{
    uint32_t sector = iotsign_board_layout.sector_size;
    if (!lies_in_flash(offset, length) || (offset | length) % sector != 0u) {
        return -1;
    }
    int status = 0;
    for (uint32_t at = 0; status == 0 && at < length; at += sector) {
        command(WRITE_ENABLE);
        access(ERASE, offset + at, NULL, NULL, 0);
        status = settle(ERASE_MS);
    }
    return status;
}
