/* Recovery for a boot loader that is built without the SMP server: it only waits for a reset.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bootloader/board.h"
#include "bootloader/smp.h"

void iotsign_smp_serve(void)
{
    uint8_t byte;
    for (;;) {
        (void)iotsign_board_read(&byte, 1, IOTSIGN_FOREVER);
    }
}
