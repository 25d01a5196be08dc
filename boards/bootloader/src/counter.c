/* The stored security counter: a log of records in two sectors, so that no cut loses the highest one.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A record is 8 bytes: the counter and its complement, little-endian. The highest valid record counts. A torn write is no
 * valid record; a torn erase cannot make one, because it sets bits in both halves. */
#include <string.h>

#include "bootloader/boot.h"

#define RECORD 8u
#define PART 256u /* bytes read at once; divides every sector */

static uint32_t load(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void store(uint8_t *bytes, uint32_t value)
{
    for (unsigned i = 0; i < 4u; i++) {
        bytes[i] = (uint8_t)(value >> (8u * i));
    }
}

static uint32_t sector_offset(uint32_t sector)
{
    return iotsign_board_layout.provisioning.offset + (1u + sector) * iotsign_board_layout.sector_size;
}

typedef struct {
    uint32_t counter; /* highest valid */
    uint32_t sector;  /* where it lies: 0 or 1 */
    uint32_t free;    /* first erased record behind all others in that sector; sector_size if there is none */
} log_state_t;

static int is_erased(const uint8_t *bytes, size_t length)
{
    uint8_t all = 0xff;
    for (size_t i = 0; i < length; i++) {
        all &= bytes[i];
    }
    return all == 0xffu;
}

static int is_whole(const uint8_t record[RECORD])
{
    return load(record) == ~load(record + 4);
}

static int has_damage(const uint8_t part[PART])
{
    if (is_erased(part, PART)) {
        return 0; /* most of it is, and this is quicker */
    }
    for (uint32_t at = 0; at < PART; at += RECORD) {
        if (!is_erased(part + at, RECORD) && !is_whole(part + at)) {
            return 1;
        }
    }
    return 0;
}

/* The records of a part of a sector; returns the end of the last one that is not erased, 0 if all are. */
static uint32_t read_records(const uint8_t part[PART], uint32_t sector, log_state_t *log)
{
    uint32_t after = 0;
    for (uint32_t at = 0; at < PART; at += RECORD) {
        uint32_t counter = load(part + at);
        if (!is_erased(part + at, RECORD)) {
            after = at + RECORD;
        }
        if (is_whole(part + at) && counter > log->counter) {
            log->counter = counter;
            log->sector = sector;
        }
    }
    return after;
}

static int read_log(log_state_t *log)
{
    uint32_t after[2] = {0, 0};
    memset(log, 0, sizeof *log);
    for (uint32_t sector = 0; sector < 2u; sector++) {
        for (uint32_t at = 0; at < iotsign_board_layout.sector_size; at += PART) {
            uint8_t part[PART];
            int status = iotsign_flash_read(sector_offset(sector) + at, part, sizeof part);
            if (status == 0 && has_damage(part)) {
                status = iotsign_flash_read(sector_offset(sector) + at, part, sizeof part); /* torn, or misread */
            }
            if (status != 0) {
                return status;
            }
            if (!is_erased(part, sizeof part)) {
                after[sector] = at + read_records(part, sector, log);
            }
        }
    }
    log->free = after[log->sector];
    return 0;
}

int iotsign_counter_read(uint32_t *counter)
{
    log_state_t log;
    int status = read_log(&log);
    *counter = log.counter;
    return status;
}

int iotsign_counter_advance(uint32_t counter)
{
    log_state_t log;
    uint8_t record[RECORD];
    int status = read_log(&log);
    if (status != 0 || counter <= log.counter) {
        return status;
    }
    if (log.free >= iotsign_board_layout.sector_size) {
        /* the old sector keeps its records until the new one holds a higher one */
        log.sector ^= 1u;
        log.free = 0;
        status = iotsign_flash_erase(sector_offset(log.sector), iotsign_board_layout.sector_size);
    }
    store(record, counter);
    store(record + 4, ~counter);
    return status != 0 ? status : iotsign_flash_write(sector_offset(log.sector) + log.free, record, sizeof record);
}
