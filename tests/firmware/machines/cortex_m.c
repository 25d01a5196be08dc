/* Start-up and serial line of QEMU's mps2-an385 (Cortex-M3), mps2-an505 (Cortex-M33) and microbit (Cortex-M0).
 * SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define SYSTICK_CONTROL REGISTER(0xE000E010u)
#define SYSTICK_RELOAD REGISTER(0xE000E014u)
#define SYSTICK_VALUE REGISTER(0xE000E018u)

#if defined(MACHINE_AN385)

#define MPU_CONTROL REGISTER(0xE000ED94u)
#define MPU_NUMBER REGISTER(0xE000ED98u)
#define MPU_BASE REGISTER(0xE000ED9Cu)
#define MPU_SIZE REGISTER(0xE000EDA0u)

/* The board has RAM where other processors have flash, twice: a stray write must not change the code. Source: ARMv7-M
 * Architecture Reference Manual, B3.5. */
static void protect_code(void)
{
    MPU_NUMBER = 0;
    MPU_BASE = 0;
    MPU_SIZE = 6u << 24 | 22u << 1 | 1u; /* read-only, 8 MiB, enabled */
    MPU_CONTROL = 5;                     /* enabled, all else as without it */
    __asm volatile("dsb\n\tisb" ::: "memory");
}

#else

static void protect_code(void)
{
}

#endif

extern uint32_t stack_top[], bss_start[], bss_end[];
int main(void);

void _start(void);
void _start(void)
{
    for (uint32_t *word = bss_start; word < bss_end; word++) {
        *word = 0;
    }
    protect_code();
    main();
    for (;;) {
    }
}

#if defined(MACHINE_MICROBIT)

#define UART 0x40002000u

static void uart_init(void)
{
    REGISTER(UART + 0x500u) = 4; /* ENABLE */
    REGISTER(UART + 0x000u) = 1; /* STARTRX */
    REGISTER(UART + 0x008u) = 1; /* STARTTX */
}

static uint8_t uart_read(void)
{
    while (REGISTER(UART + 0x108u) == 0) { /* RXDRDY */
    }
    REGISTER(UART + 0x108u) = 0;
    return (uint8_t)REGISTER(UART + 0x518u);
}

static void uart_write(uint8_t byte)
{
    REGISTER(UART + 0x11Cu) = 0; /* TXDRDY */
    REGISTER(UART + 0x51Cu) = byte;
    while (REGISTER(UART + 0x11Cu) == 0) {
    }
}

#else

#if defined(MACHINE_AN385)
#define UART 0x40004000u
#else
#define UART 0x50200000u /* secure alias */
#endif

static void uart_init(void)
{
    REGISTER(UART + 0x10u) = 16; /* BAUDDIV */
    REGISTER(UART + 0x08u) = 3;  /* CTRL: receive and transmit */
}

static uint8_t uart_read(void)
{
    while ((REGISTER(UART + 0x04u) & 2u) == 0) {
    }
    return (uint8_t)REGISTER(UART);
}

static void uart_write(uint8_t byte)
{
    while ((REGISTER(UART + 0x04u) & 1u) != 0) {
    }
    REGISTER(UART) = byte;
}

#endif

static void fault(void)
{
    for (;;) {
        uart_write(MACHINE_FAULT);
    }
}

typedef void (*vector_t)(void);
__attribute__((section(".vectors"), used)) static const vector_t vectors[16] = {
    (vector_t)(void *)stack_top, _start, fault, fault, fault, fault, fault, fault,
    fault,           fault, fault, fault, fault, fault, fault, fault};

#define CALIBRATION_ROUNDS 10000000u

static uint32_t meter_start, instructions_per_16_ticks;

static uint32_t meter_ticks(void)
{
    return (meter_start - SYSTICK_VALUE) & 0xFFFFFFu;
}

void machine_meter_start(void)
{
    meter_start = SYSTICK_VALUE;
}

uint32_t machine_meter_read(void)
{
    uint32_t ticks = meter_ticks();

    return ticks / 16u * instructions_per_16_ticks + ticks % 16u * instructions_per_16_ticks / 16u;
}

void machine_init(void)
{
    uint32_t rounds = CALIBRATION_ROUNDS, ticks;

    uart_init();
    SYSTICK_RELOAD = 0xFFFFFFu;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = 5; /* processor clock, no interrupt */
    machine_meter_start();
    /* two instructions a round, and every machine's tick is a whole number of sixteenths of an instruction */
    __asm__ volatile(".syntax unified\n1: subs %0, #1\n bne 1b\n" : "+l"(rounds) : : "cc");
    ticks = meter_ticks();
    instructions_per_16_ticks = (2u * 16u * CALIBRATION_ROUNDS + ticks / 2u) / (ticks);
}

void machine_read(uint8_t *bytes, size_t length)
{
    while (length-- > 0) {
        *bytes++ = uart_read();
    }
}

void machine_write(const uint8_t *bytes, size_t length)
{
    while (length-- > 0) {
        uart_write(*bytes++);
    }
}
