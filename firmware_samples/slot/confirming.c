/* SPDX-License-Identifier: Apache-2.0 */
/* An update that is content with itself: it confirms, and the boot loader keeps it. */
#include "bootloader/board.h"
#include "bootloader/boot.h"
#include "slot.h"

int main(void)
{
    slot_greet("confirming");
    if (iotsign_boot_confirm() == 0) {
        iotsign_board_watchdog(0); /* the boot loader lets it run while an image is on trial */
        slot_say("confirmed");
    } else {
        slot_say("not confirmed: flash error");
    }
    slot_wait();
    return 0;
}
