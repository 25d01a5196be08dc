/* Time by SysTick.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: Armv7-M Architecture Reference Manual, B3.3 (the counter has 24 bits; reading SYST_CSR clears COUNTFLAG). */
#include "systick.h"

#include "cortex_m.h"

#define CONTROL REGISTER(0xE000E010u)
#define RELOAD REGISTER(0xE000E014u)
#define VALUE REGISTER(0xE000E018u)
#define RUN 7u /* processor clock, interrupt, enabled */
#define WRAPPED (1u << 16)
#define PERIOD_MS 100u

static uint32_t clocks_per_ms;
static volatile uint32_t periods;

void systick_init(uint32_t clock_khz)
{
    clocks_per_ms = clock_khz;
    RELOAD = PERIOD_MS * clock_khz - 1u;
    VALUE = 0;
    CONTROL = RUN;
}

void systick_interrupt(void)
{
    if ((CONTROL & WRAPPED) != 0u) {
        periods = periods + 1u;
    }
}

uint32_t systick_milliseconds(void)
{
    cortex_m_mask();
    uint32_t left = VALUE;
    if ((CONTROL & WRAPPED) != 0u) {
        periods = periods + 1u;
        left = VALUE;
    }
    uint32_t passed = periods;
    cortex_m_unmask();
    return passed * PERIOD_MS + (PERIOD_MS * clocks_per_ms - 1u - left) / clocks_per_ms;
}
