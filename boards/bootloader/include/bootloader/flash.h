/* The flash that a port offers, and where the slots lie in it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The flash is NOR: an erase sets all bits of whole sectors, a write can only clear bits. A byte may be written again to
 * clear more of its bits; flash that keeps an error-correcting code over each word forbids that and is not supported. */
#ifndef IOTSIGN_BOOTLOADER_FLASH_H
#define IOTSIGN_BOOTLOADER_FLASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t offset; /* bytes from the start of the flash */
    uint32_t size;   /* bytes; whole sectors */
} iotsign_area_t;

typedef struct {
    const char *board;           /* the board's id, for example "mps2-an385" */
    iotsign_area_t primary;      /* runs from here; as large as secondary */
    iotsign_area_t secondary;    /* updates arrive here */
    iotsign_area_t scratch;      /* one sector */
    iotsign_area_t provisioning; /* three sectors: provisioning page, two of counter records */
    uint32_t sector_size;        /* bytes; the same everywhere */
    uint32_t write_size;         /* bytes: 1, 2, 4 or 8 */
    uint32_t execute_address;    /* where the primary slot is mapped; 0 if it is loaded to RAM */
    uint32_t ram_address;        /* where images are loaded; 0 if they run in place */
    uint32_t ram_size;           /* bytes */
} iotsign_layout_t;

extern const iotsign_layout_t iotsign_board_layout;

/* All three return 0, or a negative value; offset and length must lie in the flash. */
int iotsign_flash_read(uint32_t offset, void *buffer, size_t length);
/* offset and length are multiples of write_size; data has any alignment. */
int iotsign_flash_write(uint32_t offset, const void *data, size_t length);
/* offset and length are multiples of sector_size. */
int iotsign_flash_erase(uint32_t offset, uint32_t length);

#endif
