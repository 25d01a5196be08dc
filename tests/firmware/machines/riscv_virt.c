/* Start-up and serial line of QEMU's riscv32 virt.
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#define UART ((volatile uint8_t *)0x10000000u)

extern uint32_t bss_start[], bss_end[];
int main(void);

void start_c(void);
void start_c(void)
{
    for (uint32_t *word = bss_start; word < bss_end; word++) {
        *word = 0;
    }
    main();
    for (;;) {
    }
}

__asm__(".section .vectors, \"ax\"\n"
        ".globl _start\n"
        "_start: la sp, stack_top\n"
        "  j start_c\n"
        ".text\n");

static uint32_t meter_start;

static uint32_t instructions(void)
{
    uint32_t count;

    __asm__ volatile("csrr %0, minstret" : "=r"(count));
    return count;
}

__attribute__((aligned(4))) static void fault(void)
{
    uint8_t answer = MACHINE_FAULT;

    for (;;) {
        machine_write(&answer, 1);
    }
}

void machine_init(void)
{
    __asm__ volatile("csrw mtvec, %0" : : "r"(fault));
    UART[2] = 0xC1; /* FIFO with its highest trigger */
}

void machine_read(uint8_t *bytes, size_t length)
{
    while (length-- > 0) {
        while ((UART[5] & 1u) == 0) {
        }
        *bytes++ = UART[0];
    }
}

void machine_write(const uint8_t *bytes, size_t length)
{
    while (length-- > 0) {
        while ((UART[5] & 0x20u) == 0) {
        }
        UART[0] = *bytes++;
    }
}

void machine_meter_start(void)
{
    meter_start = instructions();
}

uint32_t machine_meter_read(void)
{
    return instructions() - meter_start;
}
