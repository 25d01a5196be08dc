/* The trailer at the end of each slot, in MCUboot's layout for write alignments up to 8 bytes.
 * SPDX-License-Identifier: Apache-2.0
 *
 * From the end of the slot: magic[16] at -16, image_ok at -24, copy_done at -32, swap_info at -40, swap_size (u32,
 * little-endian) at -48. Below, from the start of the trailer's first sector, lies the journal of a swap: three entries
 * of eight bytes a sector, erased or all zero. A flag is set when its first byte is 1; a torn flag is not set.
 *
 * Source: MCUboot, docs/design.md (Image Trailer) and bootutil_public.c. */
#ifndef IOTSIGN_BOOTLOADER_TRAILER_H
#define IOTSIGN_BOOTLOADER_TRAILER_H

#include <stdint.h>

#include "bootloader/boot.h"

typedef struct {
    uint8_t magic_good;
    uint8_t image_ok;
    uint8_t copy_done;
    uint8_t swap_type;  /* iotsign_swap_t, or 0 */
    uint32_t swap_size; /* bytes; UINT32_MAX if erased */
} iotsign_trailer_t;

/* Bytes of the trailer: journal and flags, rounded up to whole sectors. */
uint32_t iotsign_trailer_size(void);

/* All return 0 or a negative value. */
int iotsign_trailer_read(const iotsign_area_t *slot, iotsign_trailer_t *trailer);
int iotsign_trailer_set_image_ok(const iotsign_area_t *slot);
int iotsign_trailer_set_copy_done(const iotsign_area_t *slot);
int iotsign_trailer_set_magic(const iotsign_area_t *slot);
int iotsign_trailer_set_swap(const iotsign_area_t *slot, iotsign_swap_t type, uint32_t size);
/* Make the magic unreadable first, so that a torn erase never looks like a trailer. */
int iotsign_trailer_erase(const iotsign_area_t *slot);
/* step is 0, 1 or 2. *done is 1 only if the entry was written completely. */
int iotsign_trailer_step_done(const iotsign_area_t *slot, uint32_t sector, uint32_t step, uint8_t *done);
int iotsign_trailer_set_step(const iotsign_area_t *slot, uint32_t sector, uint32_t step);

#endif
