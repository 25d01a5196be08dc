/* Exchanging the slots, sector by sector.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_BOOTLOADER_SWAP_H
#define IOTSIGN_BOOTLOADER_SWAP_H

#include "bootloader/boot.h"
#include "trailer.h"

/* 1 if the primary slot's trailer says that a swap has begun and not ended. */
int iotsign_swap_interrupted(const iotsign_trailer_t *primary);
/* Record a swap of the first `size` bytes of both slots; it is due from the moment this returns 0. */
int iotsign_swap_begin(iotsign_swap_t type, uint32_t size);
/* Do, or go on with, the recorded swap. */
int iotsign_swap_run(const iotsign_trailer_t *primary);

#endif
