/* A firmware that lets a test call each function of a port over its serial line.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A request is nine bytes: u8 operation, u32 a, u32 b, little-endian; a write's data follow. An answer is i32 result, then the
 * data of a read. */
#include "bootloader/board.h"
#include "bootloader/flash.h"

#define REQUEST 9u
#define MOST_DATA 2048u

int main(void);

static uint32_t word_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void answer(uint32_t result)
{
    const uint8_t bytes[4] = {(uint8_t)result, (uint8_t)(result >> 8), (uint8_t)(result >> 16), (uint8_t)(result >> 24)};
    iotsign_board_write(bytes, sizeof bytes);
}

static void receive(uint8_t *buffer, size_t size)
{
    while (size > 0u) {
        size_t count = iotsign_board_read(buffer, size, IOTSIGN_FOREVER);
        buffer += count;
        size -= count;
    }
}

/* FNV-1a of the next `count` bytes; after each read it dawdles, so that the ring fills. */
static uint32_t hash_of_stream(uint32_t count, uint32_t dawdle)
{
    uint8_t part[64];
    uint32_t hash = 0x811C9DC5u;
    while (count > 0u) {
        size_t got = iotsign_board_read(part, count < sizeof part ? count : sizeof part, IOTSIGN_FOREVER);
        for (size_t i = 0; i < got; i++) {
            hash = (hash ^ part[i]) * 0x01000193u;
        }
        count -= (uint32_t)got;
        for (volatile uint32_t i = 0; i < dawdle; i++) {
        }
    }
    return hash;
}

static uint32_t time_of_wait(uint32_t timeout_ms)
{
    uint8_t byte;
    uint32_t start = iotsign_board_milliseconds();
    (void)iotsign_board_read(&byte, 1, timeout_ms);
    return iotsign_board_milliseconds() - start;
}

static void read_flash(uint32_t offset, uint32_t length)
{
    static uint8_t data[MOST_DATA];
    int status = length <= sizeof data ? iotsign_flash_read(offset, data, length) : -2;
    answer((uint32_t)status);
    if (status == 0) {
        iotsign_board_write(data, length);
    }
}

static void write_flash(uint32_t offset, uint32_t length)
{
    static uint8_t data[MOST_DATA];
    receive(data, length);
    answer((uint32_t)iotsign_flash_write(offset, data, length));
}

static void obey(uint8_t operation, uint32_t a, uint32_t b)
{
    switch (operation) {
    case 'R': read_flash(a, b); break;
    case 'W': write_flash(a, b); break;
    case 'E': answer((uint32_t)iotsign_flash_erase(a, b)); break;
    case 'H': answer(hash_of_stream(a, b)); break;
    case 'T': answer(iotsign_board_milliseconds()); break;
    case 'S': answer(time_of_wait(a)); break;
    case 'Q': iotsign_board_request_recovery(); answer(0); break;
    case 'P': answer((uint32_t)iotsign_board_recovery_requested()); break;
    case 'D': iotsign_board_watchdog(a); answer(0); break;
    case 'J': iotsign_board_start(a); break;
    case 'X': iotsign_board_reset(); break;
    default: answer(0xFFFFFFFEu); break;
    }
}

int main(void)
{
    uint8_t request[REQUEST];
    iotsign_board_init();
    (void)iotsign_board_read(request, 1, 10); /* QEMU looks at the line again once an alarm has woken it */
    iotsign_board_write((const uint8_t *)"probe\r\n", 7);
    for (;;) {
        receive(request, sizeof request);
        obey(request[0], word_at(request + 1), word_at(request + 5));
    }
}
