/* The reference boot loader on a board of the instruction skip test: it begins at decide() and ends in accept(), where the
 * image would be started, or in refuse(), where serial recovery would begin.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "boot_image.h" /* the test's: image[] and page[] */

#define main boot
#define refuse refuse_image
#include "../../boards/bootloader/main.c"
#undef main
#undef refuse

#define NEVER_INLINE __attribute__((noinline, used))
#define SECTOR 1024u
#define SLOT (4u * SECTOR)
#define PAGE (2u * SLOT + SECTOR)
#define TRACES 1024u /* words */

const iotsign_layout_t iotsign_board_layout = {
    "skips", {0, SLOT}, {SLOT, SLOT}, {2u * SLOT, SECTOR}, {PAGE, 3u * SECTOR}, SECTOR, 8, 0x1000, 0, 0};

static volatile unsigned released; /* so that the compiler does not know that the two never return */

NEVER_INLINE void accept(void);
NEVER_INLINE void accept(void)
{
    while (!released) {
    }
}

NEVER_INLINE void refuse(void);
NEVER_INLINE void refuse(void)
{
    while (!released) {
    }
}

static uint8_t flash_byte(uint32_t offset)
{
    if (offset < sizeof image) {
        return image[offset];
    }
    return offset >= PAGE && offset - PAGE < sizeof page ? page[offset - PAGE] : 0xff;
}

int iotsign_flash_read(uint32_t offset, void *buffer, size_t length)
{
    uint8_t *bytes = buffer;
    for (size_t i = 0; i < length; i++) {
        bytes[i] = flash_byte(offset + (uint32_t)i);
    }
    return 0;
}

int iotsign_flash_write(uint32_t offset, const void *data, size_t length)
{
    (void)offset;
    (void)data;
    (void)length;
    return -1;
}

int iotsign_flash_erase(uint32_t offset, uint32_t length)
{
    (void)offset;
    (void)length;
    return -1;
}

void iotsign_board_init(void)
{
}

size_t iotsign_board_read(uint8_t *buffer, size_t size, uint32_t timeout_ms)
{
    (void)buffer;
    (void)size;
    (void)timeout_ms;
    return 0;
}

void iotsign_board_write(const uint8_t *data, size_t length)
{
    (void)data;
    (void)length;
}

uint32_t iotsign_board_milliseconds(void)
{
    static uint32_t now;
    return now += 60u;
}

int iotsign_board_recovery_requested(void)
{
    return 0;
}

void iotsign_board_watchdog(uint32_t timeout_ms)
{
    (void)timeout_ms;
}

void iotsign_board_start(uint32_t address)
{
    (void)address;
    accept();
}

void iotsign_smp_serve(void)
{
    refuse();
}

/* What an earlier start of a good image may have left on the stack: RAM keeps its content over a reset. */
NEVER_INLINE void leave_traces(void);
NEVER_INLINE void leave_traces(void)
{
    volatile uint32_t words[TRACES];
    for (unsigned i = 0; i < TRACES; i++) {
        words[i] = IOTSIGN_TRUSTED;
    }
    (void)words[0];
}

NEVER_INLINE void decide(void);
NEVER_INLINE void decide(void)
{
    (void)boot();
}

int main(void)
{
    leave_traces();
    decide();
    return 0;
}
