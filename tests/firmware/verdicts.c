/* A program that judges signatures which it is sent over its serial line, on any machine.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Once it is ready to listen it sends GREETING. Each request of judge.h has its u16 length in front; the answer to it
 * is i8 status, u32 instructions, u32 bytes of stack. All big-endian. */
#include <stdint.h>

#include "judge.h"
#include "machine.h"

#define GREETING 0x55u

static void put_u32(uint8_t *bytes, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(value >> (24u - 8u * i) & 0xFFu);
    }
}

int main(void)
{
    static const uint8_t greeting = GREETING;
    static uint8_t request[5120];

    machine_init();
    machine_write(&greeting, 1);
    for (;;) {
        uint8_t length[2], answer[9];
        size_t size;
        iotsign_status_t status;

        machine_read(length, 2);
        size = (size_t)length[0] << 8 | length[1];
        if (size > sizeof request) {
            return 1;
        }
        machine_read(request, size);
        machine_stack_paint();
        machine_meter_start();
        status = judge(request, size);
        put_u32(answer + 1, machine_meter_read());
        put_u32(answer + 5, machine_stack_used());
        answer[0] = (uint8_t)((unsigned)status & 0xFFu);
        machine_write(answer, sizeof answer);
    }
}
