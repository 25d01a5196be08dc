/* For boards without a watchdog: an image on trial is reverted at the next reset, whatever causes it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bootloader/board.h"

__attribute__((weak)) void iotsign_board_watchdog(uint32_t timeout_ms)
{
    (void)timeout_ms;
}
