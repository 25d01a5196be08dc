/* Exchange of the slots through one scratch sector.
 * SPDX-License-Identifier: Apache-2.0
 *
 * For each sector i: step 0 copies primary[i] to the scratch sector, step 1 secondary[i] to primary[i], step 2 the scratch
 * sector to secondary[i]. Each step reads a sector that the step before has left alone, and is journalled when done, so a
 * cut anywhere repeats at most one step, whose source is still whole. The order of the trailer's words does the rest:
 *
 *   begin   1 zero the primary magic  2 erase the primary trailer  3 swap_size, swap_info  4 magic: now the swap is due
 *   run     5 the steps of each sector  6 erase the secondary trailer: nothing is pending
 *           7 image_ok, unless it is a test  8 copy_done: the swap has ended
 *
 * Until 4 the secondary trailer still asks for the swap; from 4 to 8 the primary trailer does. */
#include "swap.h"

#include <string.h>

#define CHUNK 256u
#define TRIES 3

int iotsign_swap_interrupted(const iotsign_trailer_t *primary)
{
    return primary->magic_good && !primary->copy_done && primary->swap_type != 0u &&
           primary->swap_size <= iotsign_boot_capacity();
}

int iotsign_swap_begin(iotsign_swap_t type, uint32_t size)
{
    const iotsign_area_t *slot = &iotsign_board_layout.primary;
    int status = iotsign_trailer_erase(slot);
    if (status == 0) {
        status = iotsign_trailer_set_swap(slot, type, size);
    }
    return status != 0 ? status : iotsign_trailer_set_magic(slot);
}

static int matches(uint32_t offset, const uint8_t data[CHUNK])
{
    uint8_t check[CHUNK];
    return iotsign_flash_read(offset, check, sizeof check) == 0 && memcmp(data, check, sizeof check) == 0;
}

/* Copy one sector and read both again: neither a write that failed nor a read that was wrong once goes unseen. */
static int copy_sector(uint32_t from, uint32_t to)
{
    uint8_t data[CHUNK];
    int status = iotsign_flash_erase(to, iotsign_board_layout.sector_size);
    for (uint32_t at = 0; status == 0 && at < iotsign_board_layout.sector_size; at += CHUNK) {
        status = iotsign_flash_read(from + at, data, sizeof data);
        if (status == 0) {
            status = iotsign_flash_write(to + at, data, sizeof data);
        }
        if (status == 0 && (!matches(to + at, data) || !matches(from + at, data))) {
            status = -1;
        }
    }
    return status;
}

static int do_step(uint32_t sector, uint32_t step)
{
    const iotsign_layout_t *layout = &iotsign_board_layout;
    uint32_t at = sector * layout->sector_size;
    uint32_t place[3] = {layout->primary.offset + at, layout->secondary.offset + at, layout->scratch.offset};
    static const uint8_t source[3] = {0, 1, 2};
    static const uint8_t target[3] = {2, 0, 1};
    int status = -1;
    for (int tried = 0; status != 0 && tried < TRIES; tried++) {
        status = copy_sector(place[source[step]], place[target[step]]);
    }
    return status != 0 ? status : iotsign_trailer_set_step(&layout->primary, sector, step);
}

int iotsign_swap_run(const iotsign_trailer_t *primary)
{
    const iotsign_layout_t *layout = &iotsign_board_layout;
    uint32_t sectors = (primary->swap_size + layout->sector_size - 1u) / layout->sector_size;
    for (uint32_t sector = 0; sector < sectors; sector++) {
        for (uint32_t step = 0; step < 3u; step++) {
            uint8_t done;
            int status = iotsign_trailer_step_done(&layout->primary, sector, step, &done);
            if (status == 0 && !done) {
                status = do_step(sector, step);
            }
            if (status != 0) {
                return status;
            }
        }
    }
    int status = iotsign_trailer_erase(&layout->secondary);
    if (status == 0 && primary->swap_type != IOTSIGN_SWAP_TEST) {
        status = iotsign_trailer_set_image_ok(&layout->primary);
    }
    return status != 0 ? status : iotsign_trailer_set_copy_done(&layout->primary);
}
