/* Serial recovery: an SMP server on the board's serial line.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_BOOTLOADER_SMP_H
#define IOTSIGN_BOOTLOADER_SMP_H

/* The recovery loop: reads lines with iotsign_board_read, answers, acts. Never returns; a reset ends it. */
void iotsign_smp_serve(void);

#endif
