/* Verify the image in the primary slot again and again, and say how long it took: once as a boot loader does it, twice and
 * hardened, and once singly. Linked with a port and the boot loader's sources by boards/CMakeLists.txt.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bootloader/board.h"
#include "bootloader/boot.h"

#define TIMES 16u

static void say_number(uint32_t number)
{
    uint8_t digits[11];
    size_t at = sizeof digits;
    do {
        digits[--at] = (uint8_t)('0' + number % 10u);
        number /= 10u;
    } while (number != 0u);
    iotsign_board_write(digits + at, sizeof digits - at);
}

int main(void)
{
    iotsign_mcuboot_image_t image;
    uint32_t trusted = 0;

    iotsign_board_init();
    uint32_t start = iotsign_board_milliseconds();
    for (uint32_t i = 0; i < TIMES; i++) {
        trusted += iotsign_boot_verify(&iotsign_board_layout.primary, &image) == IOTSIGN_TRUSTED;
    }
    uint32_t passed = iotsign_board_milliseconds() - start;
    say_number(trusted);
    iotsign_board_write((const uint8_t *)" ", 1);
    say_number(passed);
    iotsign_board_write((const uint8_t *)"\n", 1);
    for (;;) {
        uint8_t byte;
        (void)iotsign_board_read(&byte, 1, IOTSIGN_FOREVER);
    }
}
