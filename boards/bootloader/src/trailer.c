/* SPDX-License-Identifier: Apache-2.0 */
#include "trailer.h"

#include <string.h>

#define WORD 8u
#define MAGIC_SIZE 16u
#define MAGIC_BACK 16u
#define IMAGE_OK_BACK 24u
#define COPY_DONE_BACK 32u
#define SWAP_INFO_BACK 40u
#define SWAP_SIZE_BACK 48u
#define STEPS 3u
#define FLAG_SET 1u
#define TRIES 3

static const uint8_t trailer_magic[MAGIC_SIZE] = {0x77, 0xc2, 0x95, 0xf3, 0x60, 0xd2, 0xef, 0x7f,
                                                  0x35, 0x52, 0x50, 0x0f, 0x2c, 0xb6, 0x79, 0x80};

static uint32_t slot_end(const iotsign_area_t *slot)
{
    return slot->offset + slot->size;
}

/* Bytes of the journal, at the trailer's beginning; between it and the fields at the end lies nothing. */
static uint32_t journal_size(void)
{
    return iotsign_board_layout.primary.size / iotsign_board_layout.sector_size * STEPS * WORD;
}

uint32_t iotsign_trailer_size(void)
{
    uint32_t sector = iotsign_board_layout.sector_size;
    uint32_t bytes = journal_size() + SWAP_SIZE_BACK;
    return (bytes + sector - 1u) / sector * sector;
}

/* Read until two readings agree: what a trailer says is acted upon, and no signature covers it. length is at most
 * SWAP_SIZE_BACK. */
static int read_surely(uint32_t offset, uint8_t *data, size_t length)
{
    uint8_t again[SWAP_SIZE_BACK];
    for (int tried = 0; tried < TRIES; tried++) {
        int status = iotsign_flash_read(offset, data, length);
        if (status == 0) {
            status = iotsign_flash_read(offset, again, length);
        }
        if (status != 0 || memcmp(data, again, length) == 0) {
            return status;
        }
    }
    return -1;
}

/* Write and read back: a write that fails without a word must not look like progress. length is at most SWAP_SIZE_BACK. */
static int write_surely(uint32_t offset, const uint8_t *data, size_t length)
{
    uint8_t check[SWAP_SIZE_BACK];
    int status = iotsign_flash_write(offset, data, length);
    if (status == 0) {
        status = read_surely(offset, check, length);
    }
    return status != 0 || memcmp(data, check, length) == 0 ? status : -1;
}

static int write_word(uint32_t offset, uint8_t first, uint8_t rest)
{
    uint8_t word[WORD];
    memset(word, rest, sizeof word);
    word[0] = first;
    return write_surely(offset, word, sizeof word);
}

int iotsign_trailer_read(const iotsign_area_t *slot, iotsign_trailer_t *trailer)
{
    uint8_t raw[SWAP_SIZE_BACK];
    int status = read_surely(slot_end(slot) - SWAP_SIZE_BACK, raw, sizeof raw);
    if (status != 0) {
        return status;
    }
    const uint8_t *end = raw + sizeof raw;
    const uint8_t *size = end - SWAP_SIZE_BACK;
    trailer->magic_good = memcmp(end - MAGIC_BACK, trailer_magic, MAGIC_SIZE) == 0;
    trailer->image_ok = *(end - IMAGE_OK_BACK) == FLAG_SET;
    trailer->copy_done = *(end - COPY_DONE_BACK) == FLAG_SET;
    uint8_t type = *(end - SWAP_INFO_BACK) & 0x0fu;
    trailer->swap_type = type >= IOTSIGN_SWAP_TEST && type <= IOTSIGN_SWAP_REVERT ? type : 0u;
    trailer->swap_size = (uint32_t)size[0] | (uint32_t)size[1] << 8 | (uint32_t)size[2] << 16 | (uint32_t)size[3] << 24;
    return 0;
}

int iotsign_trailer_set_image_ok(const iotsign_area_t *slot)
{
    return write_word(slot_end(slot) - IMAGE_OK_BACK, FLAG_SET, 0xff);
}

int iotsign_trailer_set_copy_done(const iotsign_area_t *slot)
{
    return write_word(slot_end(slot) - COPY_DONE_BACK, FLAG_SET, 0xff);
}

int iotsign_trailer_set_magic(const iotsign_area_t *slot)
{
    return write_surely(slot_end(slot) - MAGIC_BACK, trailer_magic, sizeof trailer_magic);
}

int iotsign_trailer_set_swap(const iotsign_area_t *slot, iotsign_swap_t type, uint32_t size)
{
    uint8_t word[WORD];
    memset(word, 0xff, sizeof word);
    word[0] = (uint8_t)size;
    word[1] = (uint8_t)(size >> 8);
    word[2] = (uint8_t)(size >> 16);
    word[3] = (uint8_t)(size >> 24);
    int status = write_surely(slot_end(slot) - SWAP_SIZE_BACK, word, sizeof word);
    return status != 0 ? status : write_word(slot_end(slot) - SWAP_INFO_BACK, (uint8_t)type, 0xff);
}

int iotsign_trailer_erase(const iotsign_area_t *slot)
{
    static const uint8_t zeros[MAGIC_SIZE];
    uint8_t raw[WORD];
    uint32_t size = iotsign_trailer_size();
    uint32_t start = slot_end(slot) - size;
    int status = write_surely(slot_end(slot) - MAGIC_BACK, zeros, sizeof zeros);
    if (status == 0) {
        status = iotsign_flash_erase(start, size);
    }
    for (uint32_t at = 0; status == 0 && at < size; at += WORD) {
        at = at == journal_size() ? size - SWAP_SIZE_BACK : at; /* what lies between is never read */
        status = read_surely(start + at, raw, sizeof raw);
        for (size_t i = 0; status == 0 && i < sizeof raw; i++) {
            status = raw[i] == 0xffu ? 0 : -1;
        }
    }
    return status;
}

static uint32_t step_offset(const iotsign_area_t *slot, uint32_t sector, uint32_t step)
{
    return slot_end(slot) - iotsign_trailer_size() + (sector * STEPS + step) * WORD;
}

int iotsign_trailer_step_done(const iotsign_area_t *slot, uint32_t sector, uint32_t step, uint8_t *done)
{
    static const uint8_t zeros[WORD];
    uint8_t word[WORD];
    int status = read_surely(step_offset(slot, sector, step), word, sizeof word);
    *done = status == 0 && memcmp(word, zeros, sizeof word) == 0;
    return status;
}

int iotsign_trailer_set_step(const iotsign_area_t *slot, uint32_t sector, uint32_t step)
{
    return write_word(step_offset(slot, sector, step), 0, 0);
}
