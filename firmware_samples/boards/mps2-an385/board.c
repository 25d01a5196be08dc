/* SPDX-License-Identifier: Apache-2.0 */
/* Arm MPS2 with the image AN385: Cortex-M3, CMSDK UART, 25 MHz.
 * Source: Arm Application Note AN385; Arm Cortex-M System Design Kit TRM (APB UART); Armv7-M ARM (SysTick). */
#include "board.h"

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define UART_DATA REGISTER(0x40004000u)
#define UART_STATE REGISTER(0x40004004u)
#define UART_CONTROL REGISTER(0x40004008u)
#define UART_DIVIDER REGISTER(0x40004010u)
#define UART_TX_FULL 1u
#define UART_RX_FULL 2u
#define UART_ENABLE 3u /* both directions */

#define SYSTICK_CONTROL REGISTER(0xE000E010u)
#define SYSTICK_RELOAD REGISTER(0xE000E014u)
#define SYSTICK_VALUE REGISTER(0xE000E018u)
#define SYSTICK_RUN 7u /* processor clock, interrupt, enabled */

#define CLOCK_HZ 25000000u
#define BAUD 115200u

const char board_name[] = "mps2-an385";

static volatile uint32_t ticks;

void board_tick(void);

void board_tick(void)
{
    ticks++;
}

void board_init(void)
{
    UART_DIVIDER = CLOCK_HZ / BAUD;
    UART_CONTROL = UART_ENABLE;
    SYSTICK_RELOAD = CLOCK_HZ / BOARD_TICKS_PER_SECOND - 1u;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = SYSTICK_RUN;
}

void board_write(uint8_t byte)
{
    while ((UART_STATE & UART_TX_FULL) != 0u) {
    }
    UART_DATA = byte;
}

int board_read(void)
{
    return (UART_STATE & UART_RX_FULL) != 0u ? (int)(UART_DATA & 0xFFu) : -1;
}

void board_wait(void)
{
    uint32_t seen = ticks;

    while (ticks == seen) {
        __asm volatile("wfi");
    }
}
