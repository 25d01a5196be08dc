/* A board on the host: the boot loader, its flash in a file, its serial line on a pseudo-terminal.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   board FLASH [write-error=OFFSET] [write-stuck=OFFSET] [erase-error=OFFSET] [read-error=OFFSET] [flip=OFFSET,FIRST,PERIOD]
 *
 * Prints the path of the pseudo-terminal. FLASH keeps NOR_SIZE bytes, created blank. A fault hits whatever touches the byte
 * at OFFSET: a write or erase that returns an error, a write that leaves the byte as it was and returns no error, a read
 * that returns an error; flip turns a bit of the byte in its read number FIRST and each PERIOD reads later, and never with
 * FIRST 0.
 *
 * What it starts is the application that it would be on a real board: it says its version, confirms nothing, and a host that
 * speaks SMP (06 09) makes it reset into recovery. */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "bootloader/board.h"
#include "bootloader/boot.h"
#include "nor_flash.h"

#define NEVER UINT32_MAX

int iotsign_boot_main(void); /* main.c, renamed by the build */

static int line;
static jmp_buf power;
static int recovery_word;

static struct {
    uint32_t write_error;
    uint32_t write_stuck;
    uint32_t erase_error;
    uint32_t read_error;
    uint32_t flip;
    uint32_t first;
    uint32_t period;
} faults = {NEVER, NEVER, NEVER, NEVER, NEVER, 0, 1};

static int touches(uint32_t fault, uint32_t offset, size_t length)
{
    return fault >= offset && fault - offset < length;
}

static int fail_operation(const nor_operation_t *operation)
{
    if (operation->erase) {
        return touches(faults.erase_error, operation->offset, NOR_SECTOR) ? -1 : 0;
    }
    if (touches(faults.write_stuck, operation->offset, NOR_WORD)) {
        nor_operation_t rest = *operation;
        rest.data[faults.write_stuck - operation->offset] = 0xff;
        nor_apply(&rest, NOR_AFTER);
        return NOR_SKIP;
    }
    return touches(faults.write_error, operation->offset, NOR_WORD) ? -1 : 0;
}

static int disturb_read(uint32_t offset, uint8_t *buffer, size_t length)
{
    static uint32_t reads;
    if (touches(faults.flip, offset, length) && faults.first != 0u && ++reads >= faults.first &&
        (reads - faults.first) % faults.period == 0u) {
        buffer[faults.flip - offset] ^= 0x10u;
    }
    return touches(faults.read_error, offset, length) ? -1 : 0;
}

void iotsign_board_init(void)
{
}

uint32_t iotsign_board_milliseconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

size_t iotsign_board_read(uint8_t *buffer, size_t size, uint32_t timeout_ms)
{
    struct pollfd waited = {line, POLLIN, 0};
    if (poll(&waited, 1, timeout_ms == IOTSIGN_FOREVER ? -1 : (int)timeout_ms) <= 0) {
        return 0;
    }
    ssize_t got = read(line, buffer, size);
    return got > 0 ? (size_t)got : 0u;
}

void iotsign_board_write(const uint8_t *data, size_t length)
{
    while (length > 0u) {
        ssize_t sent = write(line, data, length);
        if (sent < 0) {
            nor_fail("the line is broken");
        }
        data += sent;
        length -= (size_t)sent;
    }
}

void iotsign_board_reset(void)
{
    longjmp(power, 1);
}

void iotsign_board_request_recovery(void)
{
    recovery_word = 1;
}

int iotsign_board_recovery_requested(void)
{
    int requested = recovery_word;
    recovery_word = 0;
    return requested;
}

void iotsign_board_watchdog(uint32_t timeout_ms)
{
    (void)timeout_ms;
}

/* The application: nothing of the image runs, only what our samples would do. */
void iotsign_board_start(uint32_t address)
{
    char text[64];
    uint8_t byte;
    uint8_t before = 0;
    const uint8_t *version = nor_flash + iotsign_board_layout.primary.offset + 20;
    int length = snprintf(text, sizeof text, "application %u.%u.%u at %08x\r\n", version[0], version[1],
                          (unsigned)(version[2] | version[3] << 8), (unsigned)address);
    iotsign_board_write((const uint8_t *)text, (size_t)length);
    while (iotsign_board_read(&byte, 1, IOTSIGN_FOREVER) == 1u) {
        if (before == 0x06u && byte == 0x09u) {
            iotsign_board_request_recovery();
            iotsign_board_reset();
        }
        before = byte;
    }
}

static void open_line(void)
{
    struct termios settings;
    line = posix_openpt(O_RDWR | O_NOCTTY);
    if (line < 0 || grantpt(line) != 0 || unlockpt(line) != 0) {
        nor_fail("no pseudo-terminal");
    }
    /* held open, so that the line outlives each client; raw, so that it carries bytes */
    int client = open(ptsname(line), O_RDWR | O_NOCTTY);
    if (client < 0 || tcgetattr(client, &settings) != 0) {
        nor_fail("no client side");
    }
    settings.c_iflag = settings.c_oflag = settings.c_lflag = 0;
    settings.c_cflag = CS8 | CREAD | CLOCAL;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    if (tcsetattr(client, TCSANOW, &settings) != 0) {
        nor_fail("the line does not become raw");
    }
    printf("%s\n", ptsname(line));
    fflush(stdout);
}

static void open_flash(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT, 0666);
    off_t size = file < 0 ? -1 : lseek(file, 0, SEEK_END);
    if (size < 0 || ftruncate(file, NOR_SIZE) != 0) {
        nor_fail(path);
    }
    nor_flash = mmap(NULL, NOR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (nor_flash == MAP_FAILED) {
        nor_fail(path);
    }
    if (size < NOR_SIZE) {
        memset(nor_flash + size, 0xff, (size_t)(NOR_SIZE - size));
    }
}

static void read_fault(const char *text)
{
    unsigned *const places[] = {&faults.write_error, &faults.write_stuck, &faults.erase_error, &faults.read_error};
    static const char *const names[] = {"write-error=%u", "write-stuck=%u", "erase-error=%u", "read-error=%u"};
    for (size_t i = 0; i < 4u; i++) {
        if (sscanf(text, names[i], places[i]) == 1) {
            return;
        }
    }
    if (sscanf(text, "flip=%u,%u,%u", &faults.flip, &faults.first, &faults.period) != 3 || faults.period == 0u) {
        nor_fail(text);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        nor_fail("usage: board FLASH [FAULT ...]");
    }
    for (int i = 2; i < argc; i++) {
        read_fault(argv[i]);
    }
    open_flash(argv[1]);
    open_line();
    nor_on_operation = fail_operation;
    nor_on_read = disturb_read;
    (void)setjmp(power);
    return iotsign_boot_main();
}
