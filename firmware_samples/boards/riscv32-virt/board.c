/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU's riscv32 machine "virt": 16550 UART, CLINT timer at 10 MHz.
 * Source: QEMU documentation, "virt" generic virtual platform; TI PC16550D data sheet; RISC-V privileged architecture
 * 1.12, 3.1.9 (mie), 3.2.1 (mtime, mtimecmp). */
#include "board.h"

#define BYTE(address) (*(volatile uint8_t *)(uintptr_t)(address))
#define WORD(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define UART_DATA BYTE(0x10000000u)
#define UART_FIFO BYTE(0x10000002u)
#define UART_LINE BYTE(0x10000003u)
#define UART_STATUS BYTE(0x10000005u)
#define UART_RX_READY 0x01u
#define UART_TX_EMPTY 0x20u
#define UART_FIFO_ON 0x01u
#define UART_8N1 0x03u

#define TIME_LOW WORD(0x0200BFF8u)
#define TIME_HIGH WORD(0x0200BFFCu)
#define COMPARE_LOW WORD(0x02004000u)
#define COMPARE_HIGH WORD(0x02004004u)
#define CLOCK_HZ 10000000u
#define CLOCKS_PER_TICK (CLOCK_HZ / BOARD_TICKS_PER_SECOND)

#define MIE_TIMER 0x80u
#define MSTATUS_INTERRUPTS 0x08u

const char board_name[] = "riscv32-virt";

static volatile uint32_t ticks;
static uint64_t due;

void board_trap(void);

static void set_alarm(uint64_t when)
{
    COMPARE_HIGH = 0xFFFFFFFFu; /* no alarm while the halves do not belong together */
    COMPARE_LOW = (uint32_t)when;
    COMPARE_HIGH = (uint32_t)(when >> 32);
}

__attribute__((interrupt("machine"), aligned(4))) void board_trap(void)
{
    ticks++;
    due += CLOCKS_PER_TICK;
    set_alarm(due);
}

void board_init(void)
{
    UART_FIFO = UART_FIFO_ON;
    UART_LINE = UART_8N1;
    due = ((uint64_t)TIME_HIGH << 32 | TIME_LOW) + CLOCKS_PER_TICK;
    set_alarm(due);
    __asm volatile("csrw mtvec, %0" : : "r"(board_trap));
    __asm volatile("csrs mie, %0" : : "r"(MIE_TIMER));
    __asm volatile("csrs mstatus, %0" : : "r"(MSTATUS_INTERRUPTS));
}

void board_write(uint8_t byte)
{
    while ((UART_STATUS & UART_TX_EMPTY) == 0u) {
    }
    UART_DATA = byte;
}

int board_read(void)
{
    return (UART_STATUS & UART_RX_READY) != 0u ? (int)UART_DATA : -1;
}

void board_wait(void)
{
    uint32_t seen = ticks;

    while (ticks == seen) {
        __asm volatile("wfi");
    }
}
