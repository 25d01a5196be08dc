/* Time by SysTick, for ports that have no better counter.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SYSTICK_H
#define SYSTICK_H

#include <stdint.h>

/* Count the processor's clock, at most 160,000 kHz. */
void systick_init(uint32_t clock_khz);

/* Milliseconds since then. Not from an interrupt. */
uint32_t systick_milliseconds(void);

/* To be called from board_interrupt. */
void systick_interrupt(void);

#endif
