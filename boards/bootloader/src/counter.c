/* The stored security counter: a log of records in two sectors, so that no cut loses the highest one.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A record is 8 bytes: the counter and its complement, little-endian. The highest valid record counts. A torn write is no
 * valid record; a torn erase cannot make one, because it sets bits in both halves. */
#include <string.h>

#include "bootloader/boot.h"

#define RECORD 8u

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

static int read_log(log_state_t *log)
{
    uint32_t size = iotsign_board_layout.sector_size;
    uint32_t after[2] = {0, 0};
    memset(log, 0, sizeof *log);
    for (uint32_t sector = 0; sector < 2u; sector++) {
        for (uint32_t at = 0; at < size; at += RECORD) {
            static const uint8_t erased[RECORD] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
            uint8_t raw[RECORD];
            int status = iotsign_flash_read(sector_offset(sector) + at, raw, sizeof raw);
            if (status != 0) {
                return status;
            }
            if (memcmp(raw, erased, sizeof raw) != 0) {
                after[sector] = at + RECORD;
                if (load(raw) != ~load(raw + 4)) {
                    status = iotsign_flash_read(sector_offset(sector) + at, raw, sizeof raw); /* torn, or misread */
                }
            }
            if (status != 0) {
                return status;
            }
            uint32_t counter = load(raw);
            if (counter == ~load(raw + 4) && counter > log->counter) {
                log->counter = counter;
                log->sector = sector;
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
