/* Simulated NOR flash with the layout of a board, for programs on the host that run the boot loader's code.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A write is one word, an erase one sector; a write can only clear bits. What breaks the rules of flash.h ends the program. */
#ifndef NOR_FLASH_H
#define NOR_FLASH_H

#include <stddef.h>
#include <stdint.h>

#include "bootloader/flash.h"

#define NOR_SECTOR 4096u
#define NOR_SLOT (208u * 1024u)
#define NOR_WORD 8u
#define NOR_SIZE (2u * NOR_SLOT + 4u * NOR_SECTOR)

typedef struct {
    uint32_t offset;
    uint8_t erase;
    uint8_t data[NOR_WORD];
} nor_operation_t;

/* How much of an operation has happened when the power fails. */
typedef enum { NOR_BEFORE, NOR_TORN_HALF, NOR_TORN_BITS, NOR_TORN_RANDOM, NOR_AFTER, NOR_CUTS } nor_cut_t;

/* NOR_SIZE bytes; points to an array unless the program lets it point elsewhere. */
extern uint8_t *nor_flash;

/* Called before each operation, if set. Returns 0 to have it done, NOR_SKIP to leave it out unnoticed, or what the driver
 * returns in its place. */
#define NOR_SKIP 1
extern int (*nor_on_operation)(const nor_operation_t *operation);
/* Called after each read, if set; may change what has been read. Returns what the driver returns. */
extern int (*nor_on_read)(uint32_t offset, uint8_t *buffer, size_t length);

/* Set for each sector that an operation has changed; a program may clear it. */
extern uint8_t nor_is_changed[NOR_SIZE / NOR_SECTOR];

/* Do an operation, or as much of it as the cut leaves. */
void nor_apply(const nor_operation_t *operation, nor_cut_t cut);

/* What torn operations and the programs draw from. */
extern uint64_t nor_random_state;
uint32_t nor_draw(void);

void nor_fail(const char *what);

#endif
