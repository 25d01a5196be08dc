/* What the Cortex-M ports share: vectors, reset, interrupts, the jump into an image.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CORTEX_M_H
#define CORTEX_M_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* The port's: all its interrupts arrive here; it asks its peripherals which one it was. */
void board_interrupt(void);

/* Clear a pending interrupt and let it through; number is that of the vendor, from 0. */
void cortex_m_interrupt_enable(uint32_t number);
void cortex_m_interrupt_disable(uint32_t number);

/* Between these two, an interrupt waits; cortex_m_sleep ends when one comes or waits already. */
static inline void cortex_m_mask(void)
{
    __asm volatile("cpsid i" ::: "memory");
}

static inline void cortex_m_unmask(void)
{
    __asm volatile("cpsie i" ::: "memory");
}

static inline void cortex_m_sleep(void)
{
    __asm volatile("wfi" ::: "memory");
}

#endif
