/* Start-up of every Cortex-M port, for boot loader and applications.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: Armv7-M Architecture Reference Manual, B1.5 (vector table, reset), B3.2 (SCB), B3.4 (NVIC). */
#include <stdint.h>

#include "bootloader/board.h"
#include "cortex_m.h"

#define NVIC_ENABLE(word) REGISTER(0xE000E100u + 4u * (word))
#define NVIC_DISABLE(word) REGISTER(0xE000E180u + 4u * (word))
#define NVIC_UNPEND(word) REGISTER(0xE000E280u + 4u * (word))
#define SYSTICK_CONTROL REGISTER(0xE000E010u)
#define RESET_CONTROL REGISTER(0xE000ED0Cu)
#define RESET_REQUEST 0x05FA0004u
#define INTERRUPTS 48u

typedef void handler_t(void);

extern uint32_t stack_top[];
extern uint32_t data_start[], data_end[], bss_start[], bss_end[];
extern const uint32_t data_load[];

/* the register, or on a core without it the word, that says where the vector table lies */
extern volatile uint32_t vector_table[];

int main(void);
void reset(void);

void reset(void)
{
    const uint32_t *from = data_load;
    for (uint32_t *to = data_start; to < data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = bss_start; to < bss_end; to++) {
        *to = 0;
    }
    (void)main();
    iotsign_board_reset();
}

static void fault(void)
{
    iotsign_board_reset(); /* an image on trial is then reverted */
}

/* A watchdog's first warning: it resets by itself. */
static void warned(void)
{
}

typedef struct {
    uint32_t *stack;
    handler_t *system[15];
    handler_t *external[INTERRUPTS];
} vectors_t;

extern const vectors_t own_vectors;

#define FOUR board_interrupt, board_interrupt, board_interrupt, board_interrupt
#define SIXTEEN FOUR, FOUR, FOUR, FOUR

__attribute__((section(".vectors"), used)) const vectors_t own_vectors = {
    stack_top,
    {reset, warned, fault, fault, fault, fault, 0, 0, 0, 0, fault, fault, 0, fault, board_interrupt},
    {SIXTEEN, SIXTEEN, SIXTEEN},
};

void cortex_m_interrupt_enable(uint32_t number)
{
    NVIC_UNPEND(number / 32u) = 1u << number % 32u;
    NVIC_ENABLE(number / 32u) = 1u << number % 32u;
}

void cortex_m_interrupt_disable(uint32_t number)
{
    NVIC_DISABLE(number / 32u) = 1u << number % 32u;
}

void iotsign_board_reset(void)
{
    __asm volatile("dsb" ::: "memory");
    RESET_CONTROL = RESET_REQUEST;
    for (;;) {
    }
}

void iotsign_board_start(uint32_t address)
{
    cortex_m_mask();
    SYSTICK_CONTROL = 0;
    for (uint32_t word = 0; word < (INTERRUPTS + 31u) / 32u; word++) {
        NVIC_DISABLE(word) = 0xFFFFFFFFu;
        NVIC_UNPEND(word) = 0xFFFFFFFFu;
    }
    *vector_table = address;
    const uint32_t *table = (const uint32_t *)(uintptr_t)address;
    /* one block: the stack changes between the first instruction and the last */
    __asm volatile("dsb\n isb\n msr msp, %0\n cpsie i\n bx %1" : : "r"(table[0]), "r"(table[1]) : "memory");
    for (;;) {
    }
}
