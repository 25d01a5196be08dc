/* Waiting for bytes; what all ports have in common.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bootloader/line.h"

#include "bootloader/board.h"

iotsign_ring_t iotsign_line_received;

size_t iotsign_board_read(uint8_t *buffer, size_t size, uint32_t timeout_ms)
{
    uint32_t start = iotsign_board_milliseconds();
    for (;;) {
        size_t count = iotsign_ring_take(&iotsign_line_received, buffer, size);
        if (count != 0u) {
            iotsign_line_resume();
            return count;
        }
        uint32_t passed = iotsign_board_milliseconds() - start;
        if (passed >= timeout_ms) {
            return 0;
        }
        iotsign_line_sleep(timeout_ms - passed);
    }
}
