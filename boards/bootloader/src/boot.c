/* What to start: the boot loader's decisions.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bootloader/boot.h"

#include <string.h>

#include "swap.h"
#include "trailer.h"

#define PRIMARY (&iotsign_board_layout.primary)
#define SECONDARY (&iotsign_board_layout.secondary)

uint32_t iotsign_boot_capacity(void)
{
    return PRIMARY->size - iotsign_trailer_size();
}

static int read_trailers(iotsign_trailer_t *primary, iotsign_trailer_t *secondary)
{
    int status = iotsign_trailer_read(PRIMARY, primary);
    return status != 0 ? status : iotsign_trailer_read(SECONDARY, secondary);
}

/* Source: MCUboot, docs/design.md (Image swapping, the table of swap types), in its order. */
static iotsign_swap_t decide(const iotsign_trailer_t *primary, const iotsign_trailer_t *secondary)
{
    if (secondary->magic_good) {
        return secondary->image_ok ? IOTSIGN_SWAP_PERMANENT : IOTSIGN_SWAP_TEST;
    }
    if (primary->magic_good && !primary->image_ok && primary->copy_done) {
        return IOTSIGN_SWAP_REVERT;
    }
    return IOTSIGN_SWAP_NONE;
}

/* Bytes of both slots that a swap must exchange; everything if the primary slot holds no image, or is not sure. */
static uint32_t swap_size(uint32_t incoming)
{
    uint32_t outgoing = iotsign_boot_image_size(PRIMARY);
    if (outgoing == 0u || outgoing != iotsign_boot_image_size(PRIMARY)) {
        return iotsign_boot_capacity();
    }
    return outgoing > incoming ? outgoing : incoming;
}

int iotsign_boot_resume(void)
{
    iotsign_trailer_t primary;
    int status = iotsign_trailer_read(PRIMARY, &primary);
    if (status == 0 && iotsign_swap_interrupted(&primary)) {
        status = iotsign_swap_run(&primary);
    }
    return status;
}

static int swap(iotsign_swap_t type, const iotsign_mcuboot_image_t *incoming)
{
    int status = iotsign_swap_begin(type, swap_size(incoming->size));
    return status != 0 ? status : iotsign_boot_resume();
}

/* A revert is due: the image that ran before lies in the secondary slot. Asking for it there, for good, before the
 * primary trailer is touched, means that no cut can lose it. */
static int revert(iotsign_boot_result_t *result)
{
    iotsign_mcuboot_image_t previous;
    if (iotsign_boot_verify(SECONDARY, &previous) != IOTSIGN_TRUSTED) {
        return 0; /* nothing to go back to: the image on trial stays, unconfirmed */
    }
    result->swapped = IOTSIGN_SWAP_REVERT;
    int status = iotsign_boot_set_pending(1);
    return status != 0 ? status : swap(IOTSIGN_SWAP_REVERT, &previous);
}

static int install(iotsign_swap_t type, iotsign_boot_result_t *result)
{
    iotsign_mcuboot_image_t incoming;
    if (iotsign_boot_verify(SECONDARY, &incoming) != IOTSIGN_TRUSTED) {
        result->refused = 1;
        return iotsign_trailer_erase(SECONDARY);
    }
    int status = swap(type, &incoming);
    if (status == 0) {
        result->swapped = type;
    }
    return status;
}

static int settle(iotsign_boot_result_t *result)
{
    iotsign_trailer_t primary;
    iotsign_trailer_t secondary;
    int status = read_trailers(&primary, &secondary);
    if (status != 0) {
        return status;
    }
    if (iotsign_swap_interrupted(&primary)) {
        result->swapped = (iotsign_swap_t)primary.swap_type;
        return iotsign_swap_run(&primary);
    }
    iotsign_swap_t type = decide(&primary, &secondary);
    if (type == IOTSIGN_SWAP_REVERT) {
        return revert(result);
    }
    return type == IOTSIGN_SWAP_NONE ? 0 : install(type, result);
}

int iotsign_boot_prepare(iotsign_boot_result_t *result)
{
    iotsign_boot_state_t state;
    memset(result, 0, sizeof *result);
    result->swapped = IOTSIGN_SWAP_NONE;
    int failed = settle(result);
    result->trusted = iotsign_boot_verify(PRIMARY, &result->primary);
    int status = iotsign_boot_state(&state);
    if (failed != 0) {
        /* flash that cannot take an update is no reason to stop what is whole; what cannot be reverted stops */
        result->refused = 1;
        result->confirmed = state.confirmed;
        if (status == 0 && result->trusted == IOTSIGN_TRUSTED && result->swapped != IOTSIGN_SWAP_REVERT) {
            return 0;
        }
        result->trusted = 0;
        return failed;
    }
    if (status == 0 && result->trusted != IOTSIGN_TRUSTED && state.testing) {
        /* the image on trial does not even verify where it runs */
        status = revert(result);
        if (status == 0) {
            result->trusted = iotsign_boot_verify(PRIMARY, &result->primary);
            status = iotsign_boot_state(&state);
        }
    }
    if (status != 0) {
        result->trusted = 0;
        return status;
    }
    result->confirmed = state.confirmed;
    if (result->trusted == IOTSIGN_TRUSTED && state.confirmed) {
        status = iotsign_counter_advance(result->primary.security_counter);
    }
    return status;
}

int iotsign_boot_set_pending(int permanent)
{
    iotsign_trailer_t primary;
    iotsign_trailer_t secondary;
    int status = read_trailers(&primary, &secondary);
    if (status == 0 && !secondary.magic_good) {
        status = iotsign_trailer_erase(SECONDARY);
    }
    if (status == 0 && permanent && !secondary.image_ok) {
        status = iotsign_trailer_set_image_ok(SECONDARY);
    }
    if (status == 0 && !secondary.magic_good) {
        status = iotsign_trailer_set_magic(SECONDARY);
    }
    return status;
}

int iotsign_boot_state(iotsign_boot_state_t *state)
{
    iotsign_trailer_t primary;
    iotsign_trailer_t secondary;
    memset(state, 0, sizeof *state);
    int status = read_trailers(&primary, &secondary);
    if (status != 0) {
        return status;
    }
    state->pending = secondary.magic_good;
    state->permanent = (uint8_t)(secondary.magic_good && secondary.image_ok);
    state->testing = (uint8_t)(primary.magic_good && primary.copy_done && !primary.image_ok);
    state->confirmed = (uint8_t)(!primary.magic_good || primary.image_ok);
    return 0;
}
