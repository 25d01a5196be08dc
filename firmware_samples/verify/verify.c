/* SPDX-License-Identifier: Apache-2.0 */
/* Verifies the MCUboot image in the slot, as a boot loader does before it jumps. */
#include "board.h"
#include "console.h"
#include "iotsign/hardened.h"
#include "trusted_key.h"

static const iotsign_verifier_t verifiers[] = {IOTSIGN_VERIFIER_P256(iotsign_sha256_class)};
static const iotsign_trust_anchor_t anchors[] = {{IOTSIGN_ANCHOR_KEY, trusted_key, sizeof trusted_key}};
static const iotsign_mcuboot_policy_t policy = {verifiers, 1, anchors, 1, 0};

static void stop(const char *why)
{
    console_text(why);
    for (;;) {
        board_wait();
    }
}

int main(void)
{
    static uint8_t buffer[IOTSIGN_MCUBOOT_BUFFER_SIZE];
    const iotsign_region_t slot = {iotsign_memory_read, (void *)SLOT_ADDRESS, SLOT_SIZE};
    const iotsign_scratch_t scratch = {buffer, sizeof buffer, NULL, 0};
    iotsign_mcuboot_image_t image;
    volatile uint32_t verdict = 0;

    board_init();
    verdict = iotsign_mcuboot_verify_hardened(&slot, &policy, &scratch, &image);
    if (!iotsign_verdict_is_trusted(verdict)) {
        stop("refused\n");
    }
    if (verdict != IOTSIGN_TRUSTED) { /* again: one skipped instruction must not be enough */
        stop("refused\n");
    }
    console_text("trusted: bytes ");
    console_number((int32_t)image.payload_size);
    stop("\n"); /* a boot loader jumps to the image here */
}
