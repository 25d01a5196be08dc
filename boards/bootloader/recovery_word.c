/* How an application asks for recovery: eight bytes of RAM that survive a reset.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bootloader/board.h"

#define RECOVERY_WORD 0x52435652u

/* The linker script's: at the same place in the boot loader and in all applications, and touched by no start-up code. */
extern volatile uint32_t recovery_word[];

void iotsign_board_request_recovery(void)
{
    recovery_word[0] = RECOVERY_WORD;
    recovery_word[1] = ~RECOVERY_WORD;
}

int iotsign_board_recovery_requested(void)
{
    int requested = recovery_word[0] == RECOVERY_WORD && recovery_word[1] == ~RECOVERY_WORD;
    recovery_word[0] = 0;
    recovery_word[1] = 0;
    return requested;
}
