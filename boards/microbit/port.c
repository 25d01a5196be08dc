/* BBC micro:bit with Nordic nRF51822: Cortex-M0 at 16 MHz, its UART, timer and flash.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: Nordic nRF51 Series Reference Manual 3.0.1: NVMC, CLOCK, TIMER, UART; micro:bit V1 schematics (RX P0.25, TX P0.24). */
#include <string.h>

#include "bootloader/board.h"
#include "bootloader/flash.h"
#include "bootloader/line.h"
#include "cortex_m.h"

#define CRYSTAL_START REGISTER(0x40000000u)
#define CRYSTAL_STARTED REGISTER(0x40000100u)

#define UART(offset) REGISTER(0x40002000u + (offset))
#define UART_START_RX UART(0x000u)
#define UART_START_TX UART(0x008u)
#define UART_RECEIVED UART(0x108u)
#define UART_SENT UART(0x11Cu)
#define UART_INTERRUPTS UART(0x304u)
#define UART_ENABLE UART(0x500u)
#define UART_TX_PIN UART(0x50Cu)
#define UART_RX_PIN UART(0x514u)
#define UART_RX UART(0x518u)
#define UART_TX UART(0x51Cu)
#define UART_BAUD UART(0x524u)
#define UART_ON 4u
#define UART_115200 0x01D7E000u
#define UART_RECEIVED_INTERRUPT 4u

#define TIMER(offset) REGISTER(0x40008000u + (offset))
#define TIMER_START TIMER(0x000u)
#define TIMER_CAPTURE(n) TIMER(0x040u + 4u * (n))
#define TIMER_REACHED(n) TIMER(0x140u + 4u * (n))
#define TIMER_INTERRUPTS TIMER(0x304u)
#define TIMER_NO_INTERRUPTS TIMER(0x308u)
#define TIMER_BITS TIMER(0x508u)
#define TIMER_PRESCALER TIMER(0x510u)
#define TIMER_COMPARE(n) TIMER(0x540u + 4u * (n))
#define TIMER_32_BITS 3u
#define TIMER_1_MHZ 4u
#define TIMER_INTERRUPT_ALARM (1u << 16)
#define ALARM 0u
#define NOW 1u

#define FLASH_READY REGISTER(0x4001E400u)
#define FLASH_MODE REGISTER(0x4001E504u)
#define FLASH_ERASE_PAGE REGISTER(0x4001E508u)
#define FLASH_READ_ONLY 0u
#define FLASH_WRITE 1u
#define FLASH_ERASE 2u

#define UART_INTERRUPT 2u
#define TIMER_INTERRUPT 8u

static uint32_t milliseconds;
static uint32_t counted; /* microseconds of the timer that are in them */

static void receive(void)
{
    while (UART_RECEIVED != 0u) {
        if (iotsign_ring_space(&iotsign_line_received) == 0u) {
            cortex_m_interrupt_disable(UART_INTERRUPT); /* the line waits until the program has read */
            return;
        }
        UART_RECEIVED = 0; /* before the data is read: the next byte sets it again */
        iotsign_ring_put(&iotsign_line_received, (uint8_t)UART_RX);
    }
}

void board_interrupt(void)
{
    TIMER_REACHED(ALARM) = 0;
    receive();
}

void iotsign_line_resume(void)
{
    cortex_m_mask();
    cortex_m_interrupt_enable(UART_INTERRUPT);
    receive();
    cortex_m_unmask();
}

void iotsign_board_init(void)
{
    CRYSTAL_START = 1u;
    while (CRYSTAL_STARTED == 0u) {
    }
    TIMER_BITS = TIMER_32_BITS;
    TIMER_PRESCALER = TIMER_1_MHZ;
    TIMER_START = 1u;
    UART_TX_PIN = 24u;
    UART_RX_PIN = 25u;
    UART_BAUD = UART_115200;
    UART_ENABLE = UART_ON;
    UART_START_TX = 1u;
    UART_START_RX = 1u;
    UART_INTERRUPTS = UART_RECEIVED_INTERRUPT;
    cortex_m_interrupt_enable(TIMER_INTERRUPT);
    iotsign_line_resume();
}

/* To be asked once an hour, or 71 minutes are lost: no sleep is longer. */
uint32_t iotsign_board_milliseconds(void)
{
    TIMER_CAPTURE(NOW) = 1u;
    uint32_t passed = (TIMER_COMPARE(NOW) - counted) / 1000u;
    counted += passed * 1000u;
    milliseconds += passed;
    return milliseconds;
}

void iotsign_line_sleep(uint32_t at_most_ms)
{
    uint32_t left = at_most_ms <= UINT32_MAX / 2000u ? at_most_ms * 1000u + 1000u : INT32_MAX;
    uint32_t due = counted + left;
    cortex_m_mask(); /* first: an alarm that has already been served would wake nobody */
    TIMER_REACHED(ALARM) = 0;
    TIMER_COMPARE(ALARM) = due;
    TIMER_INTERRUPTS = TIMER_INTERRUPT_ALARM;
    TIMER_CAPTURE(NOW) = 1u;
    if (iotsign_line_received.head == iotsign_line_received.tail && (int32_t)(due - TIMER_COMPARE(NOW)) > 0) {
        cortex_m_sleep(); /* the alarm is still to come */
    }
    cortex_m_unmask();
    TIMER_NO_INTERRUPTS = TIMER_INTERRUPT_ALARM;
}

void iotsign_board_write(const uint8_t *data, size_t length)
{
    for (; length > 0u; length--) {
        UART_SENT = 0;
        UART_TX = *data++;
        while (UART_SENT == 0u) {
        }
    }
}


/* The boot loader's own 32 KiB are out of bounds. */
static int may_change(uint32_t offset, size_t length)
{
    const iotsign_layout_t *layout = &iotsign_board_layout;
    uint32_t end = layout->provisioning.offset + layout->provisioning.size;
    return offset >= layout->primary.offset && offset <= end && length <= end - offset;
}

static void set_mode(uint32_t mode)
{
    FLASH_MODE = mode;
    while (FLASH_READY == 0u) {
    }
}

int iotsign_flash_read(uint32_t offset, void *buffer, size_t length)
{
    const iotsign_layout_t *layout = &iotsign_board_layout;
    uint32_t end = layout->provisioning.offset + layout->provisioning.size;
    if (offset > end || length > end - offset) {
        return -1;
    }
    memcpy(buffer, (const void *)(uintptr_t)offset, length);
    return 0;
}

int iotsign_flash_write(uint32_t offset, const void *data, size_t length)
{
    const uint8_t *from = data;
    if (!may_change(offset, length) || (offset | length) % sizeof(uint32_t) != 0u) {
        return -1;
    }
    set_mode(FLASH_WRITE);
    for (size_t at = 0; at < length; at += sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, from + at, sizeof word);
        REGISTER(offset + at) = word; /* clears bits only */
        while (FLASH_READY == 0u) {
        }
    }
    set_mode(FLASH_READ_ONLY);
    return 0;
}

int iotsign_flash_erase(uint32_t offset, uint32_t length)
{
    uint32_t page = iotsign_board_layout.sector_size;
    if (!may_change(offset, length) || (offset | length) % page != 0u) {
        return -1;
    }
    set_mode(FLASH_ERASE);
    for (uint32_t at = 0; at < length; at += page) {
        FLASH_ERASE_PAGE = offset + at;
        while (FLASH_READY == 0u) {
        }
    }
    set_mode(FLASH_READ_ONLY);
    return 0;
}
