/* NOR flash made of the blocks of an SD card: an erase fills blocks with ones, a write reads the block, clears bits and writes the
 * block back. A card that loses power while it writes may spoil that one block, where NOR flash spoils a word.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "bootloader/flash.h"
#include "sd_card.h"

#define NO_BLOCK UINT32_MAX

static uint8_t cached[SD_BLOCK];
static uint32_t cached_block = NO_BLOCK;

static int lies_in_flash(uint32_t offset, size_t length)
{
    return offset <= SD_FLASH_SIZE && length <= SD_FLASH_SIZE - offset;
}

static int load(uint32_t block)
{
    if (block == cached_block) {
        return 0;
    }
    cached_block = NO_BLOCK;
    int status = sd_read(block, cached);
    if (status == 0) {
        cached_block = block;
    }
    return status;
}

static int store(uint32_t block)
{
    cached_block = NO_BLOCK;
    int status = sd_write(block, cached);
    if (status == 0) {
        cached_block = block;
    }
    return status;
}

/* Bytes from offset on that lie in one block. */
static size_t bytes_in_block(uint32_t offset, size_t length)
{
    size_t rest = SD_BLOCK - offset % SD_BLOCK;
    return length < rest ? length : rest;
}

int iotsign_flash_read(uint32_t offset, void *buffer, size_t length)
{
    uint8_t *to = buffer;
    int status = lies_in_flash(offset, length) ? 0 : -1;
    while (status == 0 && length > 0u) {
        size_t part = bytes_in_block(offset, length);
        status = load(offset / SD_BLOCK);
        if (status == 0) {
            memcpy(to, &cached[offset % SD_BLOCK], part);
        }
        to += part;
        offset += (uint32_t)part;
        length -= part;
    }
    return status;
}

int iotsign_flash_write(uint32_t offset, const void *data, size_t length)
{
    const uint8_t *from = data;
    int status = lies_in_flash(offset, length) ? 0 : -1;
    while (status == 0 && length > 0u) {
        size_t part = bytes_in_block(offset, length);
        status = load(offset / SD_BLOCK);
        if (status == 0) {
            for (size_t i = 0; i < part; i++) {
                cached[offset % SD_BLOCK + i] &= from[i];
            }
            status = store(offset / SD_BLOCK);
        }
        from += part;
        offset += (uint32_t)part;
        length -= part;
    }
    return status;
}

int iotsign_flash_erase(uint32_t offset, uint32_t length)
{
    if (!lies_in_flash(offset, length) || (offset | length) % iotsign_board_layout.sector_size != 0u) {
        return -1;
    }
    int status = 0;
    for (uint32_t at = 0; status == 0 && at < length; at += SD_BLOCK) {
        memset(cached, 0xFF, sizeof cached);
        status = store((offset + at) / SD_BLOCK);
    }
    return status;
}
