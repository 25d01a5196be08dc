/* Arm MPS2 with the image AN385: Cortex-M3 at 25 MHz, CMSDK UART, timers and watchdog. Its 16 MiB of PSRAM stand for NOR flash:
 * the driver clears bits when it writes and sets them all when it erases.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: Arm Application Note AN385 (memory map, interrupts); Arm Cortex-M System Design Kit TRM (APB UART, timer,
 * watchdog). */
#include <string.h>

#include "bootloader/board.h"
#include "bootloader/flash.h"
#include "bootloader/line.h"
#include "cortex_m.h"

#define CLOCK_KHZ 25000u
#define BAUD 115200u

#define TIMER_CONTROL(timer) REGISTER(0x40000000u + 0x1000u * (timer))
#define TIMER_VALUE(timer) REGISTER(0x40000004u + 0x1000u * (timer))
#define TIMER_RELOAD(timer) REGISTER(0x40000008u + 0x1000u * (timer))
#define TIMER_CLEAR(timer) REGISTER(0x4000000Cu + 0x1000u * (timer))
#define TIMER_RUN 9u /* enabled, with interrupt */
#define CLOCK 0u     /* the timer that measures time */
#define ALARM 1u     /* the timer that wakes */
#define CLOCK_PERIOD_MS 100000u

#define UART_DATA REGISTER(0x40004000u)
#define UART_STATE REGISTER(0x40004004u)
#define UART_CONTROL REGISTER(0x40004008u)
#define UART_CLEAR REGISTER(0x4000400Cu)
#define UART_DIVIDER REGISTER(0x40004010u)
#define UART_TX_FULL 1u
#define UART_RX_FULL 2u
#define UART_ENABLE 0x0Bu /* both directions, receive interrupt */
#define UART_RX_CLEAR 2u

#define WATCHDOG_LOAD REGISTER(0x40008000u)
#define WATCHDOG_CONTROL REGISTER(0x40008008u)
#define WATCHDOG_LOCK REGISTER(0x40008C00u)
#define WATCHDOG_RUN 3u /* warn when it first ends, reset when it ends again */
#define WATCHDOG_UNLOCK 0x1ACCE551u

#define UART_INTERRUPT 0u
#define CLOCK_INTERRUPT 8u
#define ALARM_INTERRUPT 9u

#define FLASH_BASE 0x21000000u
#define FLASH_SIZE 0x1000000u

static volatile uint32_t clock_periods;

static void receive(void)
{
    if (iotsign_ring_space(&iotsign_line_received) == 0u) {
        cortex_m_interrupt_disable(UART_INTERRUPT); /* the line waits, uncleared, until the program has read */
        return;
    }
    UART_CLEAR = UART_RX_CLEAR; /* before the data is read: the next byte sets it again */
    while ((UART_STATE & UART_RX_FULL) != 0u && iotsign_ring_space(&iotsign_line_received) > 0u) {
        iotsign_ring_put(&iotsign_line_received, (uint8_t)UART_DATA);
    }
}

void board_interrupt(void)
{
    if (TIMER_CLEAR(CLOCK) != 0u) {
        TIMER_CLEAR(CLOCK) = 1u;
        clock_periods = clock_periods + 1u;
    }
    TIMER_CLEAR(ALARM) = 1u;
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
    TIMER_RELOAD(CLOCK) = CLOCK_PERIOD_MS * CLOCK_KHZ - 1u;
    TIMER_VALUE(CLOCK) = CLOCK_PERIOD_MS * CLOCK_KHZ - 1u;
    TIMER_CONTROL(CLOCK) = TIMER_RUN;
    UART_DIVIDER = CLOCK_KHZ * 1000u / BAUD;
    UART_CONTROL = UART_ENABLE;
    cortex_m_interrupt_enable(CLOCK_INTERRUPT);
    cortex_m_interrupt_enable(ALARM_INTERRUPT);
    iotsign_line_resume();
}

uint32_t iotsign_board_milliseconds(void)
{
    uint32_t periods;
    uint32_t left;
    do {
        periods = clock_periods;
        left = TIMER_VALUE(CLOCK);
    } while (periods != clock_periods);
    return periods * CLOCK_PERIOD_MS + (CLOCK_PERIOD_MS * CLOCK_KHZ - 1u - left) / CLOCK_KHZ;
}

void iotsign_line_sleep(uint32_t at_most_ms)
{
    cortex_m_mask();
    if (at_most_ms < CLOCK_PERIOD_MS) {
        TIMER_RELOAD(ALARM) = at_most_ms * CLOCK_KHZ;
        TIMER_VALUE(ALARM) = at_most_ms * CLOCK_KHZ;
        TIMER_CONTROL(ALARM) = TIMER_RUN;
    }
    if (iotsign_line_received.head == iotsign_line_received.tail) {
        cortex_m_sleep();
    }
    cortex_m_unmask();
    TIMER_CONTROL(ALARM) = 0;
}

void iotsign_board_write(const uint8_t *data, size_t length)
{
    for (; length > 0u; length--) {
        UART_DATA = *data++;
        while ((UART_STATE & UART_TX_FULL) != 0u) {
        }
    }
}

void iotsign_board_watchdog(uint32_t timeout_ms)
{
    WATCHDOG_LOCK = WATCHDOG_UNLOCK;
    WATCHDOG_CONTROL = 0;
    if (timeout_ms != 0u) {
        WATCHDOG_LOAD = timeout_ms / 2u * CLOCK_KHZ;
        WATCHDOG_CONTROL = WATCHDOG_RUN;
    }
    WATCHDOG_LOCK = 0;
}

static int lies_in_flash(uint32_t offset, size_t length)
{
    return offset <= FLASH_SIZE && length <= FLASH_SIZE - offset;
}

int iotsign_flash_read(uint32_t offset, void *buffer, size_t length)
{
    if (!lies_in_flash(offset, length)) {
        return -1;
    }
    memcpy(buffer, (const void *)(uintptr_t)(FLASH_BASE + offset), length);
    return 0;
}

int iotsign_flash_write(uint32_t offset, const void *data, size_t length)
{
    const uint8_t *from = data;
    if (!lies_in_flash(offset, length) || (offset | length) % iotsign_board_layout.write_size != 0u) {
        return -1;
    }
    for (size_t at = 0; at < length; at += sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, from + at, sizeof word);
        REGISTER(FLASH_BASE + offset + at) &= word;
    }
    return 0;
}

int iotsign_flash_erase(uint32_t offset, uint32_t length)
{
    if (!lies_in_flash(offset, length) || (offset | length) % iotsign_board_layout.sector_size != 0u) {
        return -1;
    }
    for (uint32_t at = 0; at < length; at += sizeof(uint32_t)) {
        REGISTER(FLASH_BASE + offset + at) = 0xFFFFFFFFu;
    }
    return 0;
}
