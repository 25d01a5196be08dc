/* SPDX-License-Identifier: Apache-2.0 */
/* Vector table and reset. Source: Armv7-M Architecture Reference Manual, B1.5 (vector table, reset behaviour). */
#include <stdint.h>

#include "board.h"

typedef void handler_t(void);

extern uint32_t stack_top[];
extern uint32_t data_start[], data_end[], bss_start[], bss_end[];
extern const uint32_t data_load[];

void reset(void);
void board_tick(void);

static void halt(void)
{
    for (;;) {
        __asm volatile("wfi");
    }
}

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
    halt();
}

struct vectors {
    uint32_t *stack;
    handler_t *handlers[15];
};

__attribute__((section(".vectors"), used)) static const struct vectors vectors = {
    .stack = stack_top,
    .handlers =
        {
            reset,      /* reset */
            halt,       /* NMI */
            halt,       /* HardFault */
            halt,       /* MemManage */
            halt,       /* BusFault */
            halt,       /* UsageFault */
            0,          /* reserved */
            0,          /* reserved */
            0,          /* reserved */
            0,          /* reserved */
            halt,       /* SVCall */
            halt,       /* DebugMonitor */
            0,          /* reserved */
            halt,       /* PendSV */
            board_tick, /* SysTick */
        },
};
