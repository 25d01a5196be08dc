/* What a test program needs of the machine that it runs on: a serial line and a meter.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MACHINE_H
#define MACHINE_H

#include <stddef.h>
#include <stdint.h>

/* What the serial line repeats for ever once the processor has met a fault. */
#define MACHINE_FAULT 0x7Fu

void machine_init(void);
/* Waits for length bytes. */
void machine_read(uint8_t *bytes, size_t length);
void machine_write(const uint8_t *bytes, size_t length);

/* Instructions executed since the start of the meter, which needs QEMU with -icount shift=0, to within 63 on a Cortex-M
 * and exactly on RISC-V. */
void machine_meter_start(void);
uint32_t machine_meter_read(void);
/* Paint the unused stack; then, after a call, the bytes of it that the call has overwritten. */
void machine_stack_paint(void);
uint32_t machine_stack_used(void);

#endif
