/* What the boot loader decides, and what an update may ask of it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_BOOTLOADER_BOOT_H
#define IOTSIGN_BOOTLOADER_BOOT_H

#include <stdint.h>

#include "bootloader/flash.h"
#include "iotsign/hardened.h"

/* MCUboot's swap types. Source: MCUboot, bootutil_public.h. */
typedef enum {
    IOTSIGN_SWAP_NONE = 1,
    IOTSIGN_SWAP_TEST = 2,
    IOTSIGN_SWAP_PERMANENT = 3,
    IOTSIGN_SWAP_REVERT = 4
} iotsign_swap_t;

/* Verify the image at the start of an area twice: hash, signature by a provisioned key, security counter not below the
 * stored one; an image that says which address it is linked for (RAM_LOAD, ROM_FIXED) must be linked for where it will run.
 * Returns IOTSIGN_TRUSTED, and what the image is, or anything else. */
uint32_t iotsign_boot_verify(const iotsign_area_t *area, iotsign_mcuboot_image_t *image);

/* Where images are loaded to RAM: copy the primary image, which has been verified, and verify the copy, so that what runs is
 * what was verified. Returns as iotsign_boot_verify, and in *place where the image lies; otherwise *place is left as it is. */
uint32_t iotsign_boot_load(iotsign_mcuboot_image_t *image, uint32_t *place);

/* Bytes of the image at the start of an area, as its headers say; nothing is verified. Returns 0 if there is none that
 * fits. */
uint32_t iotsign_boot_image_size(const iotsign_area_t *area);

typedef struct {
    uint32_t trusted;             /* IOTSIGN_TRUSTED: the primary slot may be started */
    iotsign_swap_t swapped;       /* what has just been done, or was begun and failed */
    uint8_t refused;              /* 1 if a pending image was refused and forgotten, or the flash did not take it */
    uint8_t confirmed;            /* 1 if the primary image needs no confirmation */
    iotsign_mcuboot_image_t primary; /* what is to be started */
} iotsign_boot_result_t;

/* Decide what to start: finish an interrupted swap, do a pending or a due one, verify the primary slot, advance the
 * stored security counter once the image is confirmed. May be cut at any write or erase and called again. Returns 0, or
 * a negative value if the flash failed and nothing whole is there to start, or only what was to be reverted. */
int iotsign_boot_prepare(iotsign_boot_result_t *result);

/* Only finish an interrupted swap, so that both slots can be looked at. Returns as iotsign_boot_prepare. */
int iotsign_boot_resume(void);

/* Mark the secondary slot to be swapped in at the next start, for one try or for good. Returns 0 or a negative value. */
int iotsign_boot_set_pending(int permanent);

/* Confirm the image in the primary slot: it will not be reverted. Returns 0 or a negative value. Applications link this
 * function too (confirm.c). */
int iotsign_boot_confirm(void);

typedef struct {
    uint8_t pending;   /* the secondary slot will be swapped in */
    uint8_t permanent; /* … for good */
    uint8_t testing;   /* the primary slot runs on trial and will be reverted unless confirmed */
    uint8_t confirmed; /* the primary slot stays */
} iotsign_boot_state_t;

int iotsign_boot_state(iotsign_boot_state_t *state);

/* The highest security counter that a confirmed image had; 0 on a new device. */
int iotsign_counter_read(uint32_t *counter);
/* Raise it; a lower or equal value changes nothing. */
int iotsign_counter_advance(uint32_t counter);

/* Bytes of a slot that an image may use: what the trailer leaves. */
uint32_t iotsign_boot_capacity(void);

#endif
