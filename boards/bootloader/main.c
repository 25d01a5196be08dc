/* The boot loader: say who is there, stay if asked to, start what is trusted.
 * SPDX-License-Identifier: Apache-2.0
 *
 * It writes two lines: "iotsign boot <version> <board>", then what it does: "booting 1.2.3+4", with a remark in parentheses
 * where there is one; "recovery"; or "refused: " and why. What it does not start ends in recovery. */
#include "bootloader/board.h"
#include "bootloader/boot.h"
#include "bootloader/smp.h"

#define WINDOW_MS 100u /* how long it listens for a host after the banner */
#define TRIAL_MS 30000u /* how long an image on trial may take to confirm itself, where there is a watchdog */

static void say(const char *text)
{
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    iotsign_board_write((const uint8_t *)text, length);
}

static void say_number(char before, uint32_t number)
{
    char digits[12];
    size_t at = sizeof digits - 1u;
    digits[at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number != 0u);
    digits[--at] = before;
    say(digits + at);
}

/* Whether a host begins to speak SMP (bytes 06 09) within the window. */
static int host_calls(void)
{
    uint32_t start = iotsign_board_milliseconds();
    uint32_t passed = 0;
    uint8_t before = 0;
    for (; passed < WINDOW_MS; passed = iotsign_board_milliseconds() - start) {
        uint8_t byte;
        if (iotsign_board_read(&byte, 1, WINDOW_MS - passed) == 1u) {
            if (before == 0x06u && byte == 0x09u) {
                return 1;
            }
            before = byte;
        }
    }
    return 0;
}

static void recover(const char *why)
{
    say(why);
    say("\r\n");
    iotsign_smp_serve();
}

/* Never returns, and the compiler does not know it. */
__attribute__((noinline)) static void refuse(const iotsign_boot_result_t *result, int status)
{
    if (status != 0) {
        recover("refused: flash error");
    } else if (result->primary.size == 0u && iotsign_boot_image_size(&iotsign_board_layout.primary) == 0u) {
        recover("refused: no image");
    } else {
        recover("refused: image not trusted");
    }
}

static void announce(const iotsign_boot_result_t *result)
{
    const iotsign_mcuboot_version_t *version = &result->primary.version;
    say("booting");
    say_number(' ', version->major);
    say_number('.', version->minor);
    say_number('.', version->revision);
    say_number('+', version->build);
    if (result->refused) {
        say(" (update refused)");
    } else if (result->swapped == IOTSIGN_SWAP_REVERT) {
        say(" (reverted)");
    } else if (!result->confirmed) {
        say(" (on trial)");
    }
    say("\r\n");
}

int main(void)
{
    iotsign_boot_result_t result;
    int status;
    uint32_t place = iotsign_board_layout.execute_address; /* 0 where images are loaded to RAM: only a loaded one starts */
    volatile uint32_t verdict = 0;

    iotsign_board_init();
    say("iotsign boot " IOTSIGN_BOOT_VERSION " ");
    say(iotsign_board_layout.board);
    say("\r\n");
    if (iotsign_board_recovery_requested() || host_calls()) {
        /* nothing is decided yet: an image on trial may still be confirmed */
        (void)iotsign_boot_resume();
        recover("recovery");
    }
    status = iotsign_boot_prepare(&result);
    if (status != 0) {
        refuse(&result, status);
    }
    verdict = result.trusted;
    if (iotsign_verdict_is_trusted(verdict) && iotsign_board_layout.ram_address != 0u) {
        verdict = 0;
        verdict = iotsign_boot_load(&result.primary, &place);
    }
    if (!iotsign_verdict_is_trusted(verdict)) {
        refuse(&result, status);
    }
    if (verdict != IOTSIGN_TRUSTED) { /* again: one skipped instruction must not be enough */
        refuse(&result, status);
    }
    announce(&result);
    if (!result.confirmed) {
        iotsign_board_watchdog(TRIAL_MS);
    }
    iotsign_board_start(place + result.primary.header_size);
    return 0;
}
