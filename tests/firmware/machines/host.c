/* Any program with standard input and output; also under QEMU's user mode.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "machine.h"

void machine_init(void)
{
}

void machine_read(uint8_t *bytes, size_t length)
{
    if (fread(bytes, 1, length, stdin) != length) {
        exit(feof(stdin) ? EXIT_SUCCESS : EXIT_FAILURE);
    }
}

void machine_write(const uint8_t *bytes, size_t length)
{
    if (fwrite(bytes, 1, length, stdout) != length || fflush(stdout) != 0) {
        exit(EXIT_FAILURE);
    }
}

void machine_meter_start(void)
{
}

uint32_t machine_meter_read(void)
{
    return 0;
}

void machine_stack_paint(void)
{
}

uint32_t machine_stack_used(void)
{
    return 0;
}
