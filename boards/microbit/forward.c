/* The vector table at address 0, of the boot loader only: each interrupt goes to the table that vector_table names, which is the boot
 * loader's own until an application starts.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: Armv6-M Architecture Reference Manual, B1.5 (exceptions; on entry r0 to r3, r12 and lr are on the stack). */
#include <stdint.h>

#define VECTORS 48u

typedef void handler_t(void);

extern uint32_t stack_top[];
extern const uint32_t own_vectors[];
extern const uint32_t *volatile vector_table;

void reset(void);
void first_reset(void);

void first_reset(void)
{
    vector_table = own_vectors;
    reset();
}

__attribute__((naked)) static void forward(void)
{
    __asm volatile(".syntax unified\n"
                   "ldr r0, =vector_table\n"
                   "ldr r0, [r0]\n"
                   "mrs r1, ipsr\n"
                   "lsls r1, r1, #2\n"
                   "ldr r0, [r0, r1]\n"
                   "bx r0\n"
                   ".ltorg");
}

typedef struct {
    uint32_t *stack;
    handler_t *handlers[VECTORS - 1u];
} table_t;

#define FIVE forward, forward, forward, forward, forward
#define FIFTEEN FIVE, FIVE, FIVE

__attribute__((section(".forward"), used)) static const table_t table = {
    stack_top,
    {first_reset, forward, FIFTEEN, FIFTEEN, FIFTEEN},
};
