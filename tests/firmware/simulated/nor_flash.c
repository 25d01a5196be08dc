/* SPDX-License-Identifier: Apache-2.0 */
#include "nor_flash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const iotsign_layout_t iotsign_board_layout = {
    "simulated",
    {0, NOR_SLOT},
    {NOR_SLOT, NOR_SLOT},
    {2u * NOR_SLOT, NOR_SECTOR},
    {2u * NOR_SLOT + NOR_SECTOR, 3u * NOR_SECTOR},
    NOR_SECTOR,
    NOR_WORD,
    0x10000000,
    0,
    0,
};

static uint8_t memory[NOR_SIZE];
uint8_t *nor_flash = memory;
int (*nor_on_operation)(const nor_operation_t *operation);
int (*nor_on_read)(uint32_t offset, uint8_t *buffer, size_t length);
uint8_t nor_is_changed[NOR_SIZE / NOR_SECTOR];
uint64_t nor_random_state;

uint32_t nor_draw(void)
{
    nor_random_state = nor_random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(nor_random_state >> 33);
}

void nor_fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(2);
}

/* What a torn operation leaves: `after` in the bits that had time to change, `before` in the others. */
static uint8_t tear(uint8_t before, uint8_t after, size_t at, size_t length, nor_cut_t cut)
{
    static uint8_t whole_word;
    uint8_t mask = 0;
    if (cut == NOR_TORN_HALF) {
        mask = at < length / 2u ? 0xff : 0x00;
    } else if (cut == NOR_TORN_BITS) {
        mask = at % 2u != 0u ? 0x55 : 0xaa;
    } else if (cut == NOR_TORN_RANDOM) {
        /* a write tears bit by bit, an erase word by word: some words are blank already, others as they were */
        if (at % NOR_WORD == 0u) {
            whole_word = nor_draw() % 2u != 0u ? 0xff : 0x00;
        }
        mask = length == NOR_WORD ? (uint8_t)nor_draw() : whole_word;
    } else if (cut == NOR_AFTER) {
        mask = 0xff;
    }
    return (uint8_t)((after & mask) | (before & (uint8_t)~mask));
}

void nor_apply(const nor_operation_t *operation, nor_cut_t cut)
{
    size_t length = operation->erase ? NOR_SECTOR : NOR_WORD;
    uint8_t *place = nor_flash + operation->offset;
    nor_is_changed[operation->offset / NOR_SECTOR] = 1;
    if (cut == NOR_AFTER && operation->erase) {
        memset(place, 0xff, NOR_SECTOR);
        return;
    }
    for (size_t i = 0; i < length; i++) {
        uint8_t after = operation->erase ? 0xff : (uint8_t)(place[i] & operation->data[i]);
        place[i] = tear(place[i], after, i, length, cut);
    }
}

static int perform(const nor_operation_t *operation)
{
    int status = nor_on_operation != NULL ? nor_on_operation(operation) : 0;
    if (status == 0) {
        nor_apply(operation, NOR_AFTER);
    }
    return status == NOR_SKIP ? 0 : status;
}

int iotsign_flash_read(uint32_t offset, void *buffer, size_t length)
{
    if (offset > NOR_SIZE || length > NOR_SIZE - offset) {
        return -1;
    }
    memcpy(buffer, nor_flash + offset, length);
    return nor_on_read != NULL ? nor_on_read(offset, buffer, length) : 0;
}

int iotsign_flash_write(uint32_t offset, const void *data, size_t length)
{
    int status = 0;
    if (offset % NOR_WORD != 0u || length % NOR_WORD != 0u || offset > NOR_SIZE || length > NOR_SIZE - offset) {
        nor_fail("a write that is not aligned or leaves the flash");
    }
    for (size_t at = 0; at < length && status == 0; at += NOR_WORD) {
        nor_operation_t operation = {offset + (uint32_t)at, 0, {0}};
        memcpy(operation.data, (const uint8_t *)data + at, NOR_WORD);
        status = perform(&operation);
    }
    return status;
}

int iotsign_flash_erase(uint32_t offset, uint32_t length)
{
    int status = 0;
    if (offset % NOR_SECTOR != 0u || length % NOR_SECTOR != 0u || offset > NOR_SIZE || length > NOR_SIZE - offset) {
        nor_fail("an erase that is not aligned or leaves the flash");
    }
    for (uint32_t at = 0; at < length && status == 0; at += NOR_SECTOR) {
        nor_operation_t operation = {offset + at, 1, {0}};
        status = perform(&operation);
    }
    return status;
}
