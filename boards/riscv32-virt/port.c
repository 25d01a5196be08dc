/* QEMU's machine "virt" as an RV32IMC: 16550 UART, PLIC, CLINT timer at 10 MHz, CFI flash of two interleaved 16-bit chips.
 * Images are loaded to RAM: QEMU remembers code that it has translated from this flash, and would run it after an update, too.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: QEMU documentation, "virt" generic virtual platform, and hw/riscv/virt.c (addresses, interrupt 10); TI PC16550D data
 * sheet; RISC-V PLIC specification 1.0; RISC-V privileged architecture 1.12, 3.1 and 3.2; Intel StrataFlash P30 data sheet
 * (command set 0001h: buffered program E8h, block erase 20h, confirm D0h, read array FFh). */
#include <string.h>

#include "bootloader/board.h"
#include "bootloader/flash.h"
#include "bootloader/line.h"

#define BYTE(address) (*(volatile uint8_t *)(uintptr_t)(address))
#define WORD(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define UART_DATA BYTE(0x10000000u)
#define UART_INTERRUPTS BYTE(0x10000001u)
#define UART_FIFO BYTE(0x10000002u)
#define UART_CAUSE UART_FIFO /* when it is read */
#define UART_LINE BYTE(0x10000003u)
#define UART_STATUS BYTE(0x10000005u)
#define UART_RX_READY 0x01u
#define UART_TX_EMPTY 0x20u
#define UART_TX_IDLE 0x40u
#define UART_RX_INTERRUPT 0x01u
#define UART_FIFO_14 0xC1u /* on; interrupt at 14 bytes, or when the line falls silent */
#define UART_FILLED 14u
#define UART_CAUSE_MASK 0x0Fu
#define UART_CAUSE_FILLED 0x04u /* as many bytes as the FIFO was set to interrupt at */
#define UART_8N1 0x03u

#define PLIC_PRIORITY(source) WORD(0x0C000000u + 4u * (source))
#define PLIC_ENABLE WORD(0x0C002000u)
#define PLIC_THRESHOLD WORD(0x0C200000u)
#define PLIC_CLAIM WORD(0x0C200004u)
#define UART_SOURCE 10u

#define TIME_LOW WORD(0x0200BFF8u)
#define TIME_HIGH WORD(0x0200BFFCu)
#define COMPARE_LOW WORD(0x02004000u)
#define COMPARE_HIGH WORD(0x02004004u)
#define CLOCK_KHZ 10000u
#define LONGEST_SLEEP_MS 100000u /* TIME_LOW wraps after 429 s */

#define MIE_TIMER 0x80u
#define MIE_EXTERNAL 0x800u
#define MSTATUS_INTERRUPTS 0x08u
#define MCAUSE_TIMER 0x80000007u
#define MCAUSE_EXTERNAL 0x8000000Bu

#define FINISHER WORD(0x00100000u)
#define FINISHER_RESET 0x7777u

#define FLASH_BASE 0x22000000u
#define FLASH_SIZE 0x2000000u
#define FLASH_BLOCK 256u /* bytes of a buffered program; a multiple of write_size */
#define BOTH(command) ((uint32_t)(command) << 16 | (command))
#define FLASH_READY BOTH(0x80u)

static uint32_t milliseconds;
static uint32_t counted_to; /* the time that milliseconds stands for */

void board_trap(void);

static void set_alarm(uint64_t when)
{
    COMPARE_HIGH = UINT32_MAX; /* no alarm while the halves do not belong together */
    COMPARE_LOW = (uint32_t)when;
    COMPARE_HIGH = (uint32_t)(when >> 32);
}

static uint64_t now(void)
{
    uint32_t high;
    uint32_t low;
    do {
        high = TIME_HIGH;
        low = TIME_LOW;
    } while (high != TIME_HIGH);
    return (uint64_t)high << 32 | low;
}

static void receive(void)
{
    uint32_t source = PLIC_CLAIM;
    while (iotsign_ring_space(&iotsign_line_received) >= UART_FILLED && (UART_CAUSE & UART_CAUSE_MASK) == UART_CAUSE_FILLED) {
        for (unsigned i = 0; i < UART_FILLED; i++) {
            iotsign_ring_put(&iotsign_line_received, UART_DATA);
        }
    }
    while ((UART_STATUS & UART_RX_READY) != 0u) {
        if (iotsign_ring_space(&iotsign_line_received) == 0u) {
            UART_INTERRUPTS = 0; /* the line waits until the program has read */
            break;
        }
        iotsign_ring_put(&iotsign_line_received, UART_DATA);
    }
    PLIC_CLAIM = source;
}

__attribute__((interrupt("machine"), aligned(4))) void board_trap(void)
{
    uint32_t cause;
    __asm volatile("csrr %0, mcause" : "=r"(cause));
    if (cause == MCAUSE_TIMER) {
        set_alarm(UINT64_MAX);
    } else if (cause == MCAUSE_EXTERNAL) {
        receive();
    } else {
        iotsign_board_reset(); /* an image on trial is then reverted */
    }
}

static void mask(void)
{
    __asm volatile("csrc mstatus, %0" : : "r"(MSTATUS_INTERRUPTS) : "memory");
}

static void unmask(void)
{
    __asm volatile("csrs mstatus, %0" : : "r"(MSTATUS_INTERRUPTS) : "memory");
}

void iotsign_line_resume(void)
{
    UART_INTERRUPTS = UART_RX_INTERRUPT; /* comes at once if a byte waits: the line is asked for its level */
}

void iotsign_board_init(void)
{
    counted_to = TIME_LOW;
    set_alarm(UINT64_MAX);
    UART_LINE = UART_8N1;
    UART_FIFO = UART_FIFO_14;
    iotsign_line_resume();
    PLIC_PRIORITY(UART_SOURCE) = 1u;
    PLIC_ENABLE = 1u << UART_SOURCE;
    PLIC_THRESHOLD = 0;
    __asm volatile("csrw mtvec, %0" : : "r"(board_trap));
    __asm volatile("csrw mie, %0" : : "r"(MIE_TIMER | MIE_EXTERNAL));
    unmask();
}

uint32_t iotsign_board_milliseconds(void)
{
    uint32_t passed = (TIME_LOW - counted_to) / CLOCK_KHZ;
    counted_to += passed * CLOCK_KHZ;
    milliseconds += passed;
    return milliseconds;
}

void iotsign_line_sleep(uint32_t at_most_ms)
{
    mask();
    set_alarm(now() + (uint64_t)(at_most_ms < LONGEST_SLEEP_MS ? at_most_ms : LONGEST_SLEEP_MS) * CLOCK_KHZ);
    if (iotsign_line_received.head == iotsign_line_received.tail) {
        __asm volatile("wfi" ::: "memory");
    }
    unmask();
}

void iotsign_board_write(const uint8_t *data, size_t length)
{
    for (; length > 0u; length--) {
        while ((UART_STATUS & UART_TX_EMPTY) == 0u) {
        }
        UART_DATA = *data++;
    }
    while ((UART_STATUS & UART_TX_IDLE) == 0u) {
    }
}

void iotsign_board_reset(void)
{
    FINISHER = FINISHER_RESET;
    for (;;) {
    }
}

void iotsign_board_start(uint32_t address)
{
    mask();
    UART_INTERRUPTS = 0;
    PLIC_ENABLE = 0;
    __asm volatile("csrw mie, zero\n fence.i\n jr %0" : : "r"(address) : "memory");
    for (;;) {
    }
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

static void program(uint32_t address, const uint32_t *words, uint32_t count)
{
    WORD(address) = BOTH(0xE8u);
    while ((WORD(address) & FLASH_READY) != FLASH_READY) {
    }
    WORD(address) = BOTH(count - 1u);
    for (uint32_t i = 0; i < count; i++) {
        WORD(address + 4u * i) = words[i];
    }
    WORD(address) = BOTH(0xD0u);
    while ((WORD(address) & FLASH_READY) != FLASH_READY) {
    }
    WORD(address) = BOTH(0xFFu);
}

static void erase(uint32_t address)
{
    WORD(address) = BOTH(0x20u);
    WORD(address) = BOTH(0xD0u);
    while ((WORD(address) & FLASH_READY) != FLASH_READY) {
    }
    WORD(address) = BOTH(0xFFu);
}

/* QEMU's flash overwrites where a real one clears bits; so the driver refuses what only an erase could do. */
int iotsign_flash_write(uint32_t offset, const void *data, size_t length)
{
    const uint8_t *from = data;
    if (!lies_in_flash(offset, length) || (offset | length) % iotsign_board_layout.write_size != 0u) {
        return -1;
    }
    while (length > 0u) {
        uint32_t words[FLASH_BLOCK / 4u];
        uint32_t size = FLASH_BLOCK - offset % FLASH_BLOCK;
        size = length < size ? (uint32_t)length : size;
        memcpy(words, from, size);
        uint32_t all = UINT32_MAX;
        for (uint32_t i = 0; i < size / 4u; i++) {
            if ((words[i] & ~WORD(FLASH_BASE + offset + 4u * i)) != 0u) {
                return -1;
            }
            all &= words[i];
        }
        if (all != UINT32_MAX) { /* ones change nothing */
            program(FLASH_BASE + offset, words, size / 4u);
        }
        offset += size;
        from += size;
        length -= size;
    }
    return 0;
}

int iotsign_flash_erase(uint32_t offset, uint32_t length)
{
    if (!lies_in_flash(offset, length) || (offset | length) % iotsign_board_layout.sector_size != 0u) {
        return -1;
    }
    for (uint32_t at = 0; at < length; at += iotsign_board_layout.sector_size) {
        erase(FLASH_BASE + offset + at);
    }
    return 0;
}
