/* The receiving half of a port's serial line: its interrupt puts bytes into a ring, iotsign_board_read takes them out.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_BOOTLOADER_LINE_H
#define IOTSIGN_BOOTLOADER_LINE_H

#include <stdint.h>

#include "bootloader/ring.h"

extern iotsign_ring_t iotsign_line_received;

/* The port's: sleep until an interrupt comes, at most so long; not at all if the ring holds a byte already. */
void iotsign_line_sleep(uint32_t at_most_ms);

/* The port's: the ring has room. Let the UART's interrupt through again and take what waits in the UART already: nothing else may
 * announce it. */
void iotsign_line_resume(void);

#endif
