/* Verify the image in the primary slot again and again, and say how long it took: first as a library does it, once, then as the
 * boot loader does it, hardened. Linked with a port and the boot loader's sources by boards/CMakeLists.txt.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bootloader/board.h"
#include "bootloader/boot.h"
#include "bootloader/provisioning.h"

#define TIMES 20u

static size_t read_primary(void *context, uint32_t offset, void *buffer, size_t length)
{
    (void)context;
    return iotsign_flash_read(iotsign_board_layout.primary.offset + offset, buffer, length) == 0 ? length : 0u;
}

static uint32_t verify_once(void)
{
    static const iotsign_verifier_t verifiers[] = {IOTSIGN_VERIFIER_P256(iotsign_sha256_class)};
    static iotsign_provisioning_t page;
    static uint32_t buffer[IOTSIGN_MCUBOOT_BUFFER_SIZE / sizeof(uint32_t)];
    uint16_t at = 0;
    uint16_t length = 0;
    if (iotsign_provisioning_load(&page) != 0) {
        return 0;
    }
    const uint8_t *key = iotsign_provisioning_next(&page, IOTSIGN_ENTRY_BOOT_KEY, &at, &length);
    const iotsign_trust_anchor_t anchor = {IOTSIGN_ANCHOR_KEY, key, length};
    const iotsign_mcuboot_policy_t policy = {verifiers, 1, &anchor, 1, 0};
    const iotsign_region_t region = {read_primary, NULL, iotsign_boot_capacity()};
    const iotsign_scratch_t scratch = {(uint8_t *)buffer, sizeof buffer, NULL, 0};
    iotsign_mcuboot_image_t image;
    return iotsign_mcuboot_verify(&region, &policy, &scratch, &image) == IOTSIGN_OK;
}

static uint32_t verify_hardened(void)
{
    iotsign_mcuboot_image_t image;
    return iotsign_boot_verify(&iotsign_board_layout.primary, &image) == IOTSIGN_TRUSTED;
}

static void say(uint32_t number, char behind)
{
    uint8_t text[11];
    size_t at = sizeof text;
    text[--at] = (uint8_t)behind;
    do {
        text[--at] = (uint8_t)('0' + number % 10u);
        number /= 10u;
    } while (number != 0u);
    iotsign_board_write(text + at, sizeof text - at);
}

/* Writes a line: how often it verified, and in how many milliseconds. */
static void measure(uint32_t (*verify)(void))
{
    uint32_t trusted = 0;
    uint32_t start = iotsign_board_milliseconds();
    for (uint32_t i = 0; i < TIMES; i++) {
        trusted += verify();
    }
    uint32_t passed = iotsign_board_milliseconds() - start;
    say(trusted, ' ');
    say(passed, '\n');
}

int main(void)
{
    iotsign_board_init();
    measure(verify_once);
    measure(verify_hardened);
    for (;;) {
        uint8_t byte;
        (void)iotsign_board_read(&byte, 1, IOTSIGN_FOREVER);
    }
}
