/* Cut the power at every write and erase of an update, on simulated NOR flash, and look at what boots afterwards.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   powercut OLD NEW PROVISIONING SCENARIO SAMPLES SEED
 *
 * OLD and NEW are signed MCUboot images, PROVISIONING the provisioning page. SCENARIO is test, permanent, revert or
 * confirm. SAMPLES is how many points to try, drawn by SEED; 0 tries every one. Prints one JSON object; exits 1 if a
 * point failed. Operations on trailers and counters are part of every sample.
 *
 * The scenario runs once while each operation is recorded: a write is one 8-byte word, an erase one sector. Then, for
 * each operation and each way of cutting it, the flash is put into the state of that moment and the device is started
 * until it runs; every other time the recovery is cut, too. */
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootloader/boot.h"
#include "bootloader/provisioning.h"

#define SECTOR 4096u
#define SLOT (208u * 1024u)
#define WORD 8u
#define FLASH_SIZE (2u * SLOT + 4u * SECTOR)
#define MAX_STARTS 12
#define RANDOM_TEARS 64 /* of each erase of a trailer */

const iotsign_layout_t iotsign_board_layout = {
    "simulated",
    {0, SLOT},
    {SLOT, SLOT},
    {2u * SLOT, SECTOR},
    {2u * SLOT + SECTOR, 3u * SECTOR},
    SECTOR,
    WORD,
    0,
    0x20000000,
    SLOT,
};

typedef struct {
    uint32_t offset;
    uint8_t erase;
    uint8_t data[WORD];
} operation_t;

enum { CUT_BEFORE, CUT_TORN_HALF, CUT_TORN_BITS, CUT_TORN_RANDOM, CUT_AFTER, CUTS };

static uint8_t flash[FLASH_SIZE];
static operation_t *history;
static size_t history_length;
static size_t history_room;
static int recording;
static long until_cut; /* operations left before the power fails; negative: it does not */
static int how_to_cut;
static uint64_t random_state;
static jmp_buf power;

static uint32_t draw(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33);
}

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(2);
}

/* What a torn operation leaves: `after` in the bits that had time to change, `before` in the others. */
static uint8_t tear(uint8_t before, uint8_t after, size_t at, size_t length, int how)
{
    static uint8_t whole_word;
    uint8_t mask = 0;
    if (how == CUT_TORN_HALF) {
        mask = at < length / 2u ? 0xff : 0x00;
    } else if (how == CUT_TORN_BITS) {
        mask = at % 2u != 0u ? 0x55 : 0xaa;
    } else if (how == CUT_TORN_RANDOM) {
        /* a write tears bit by bit, an erase word by word: some words are blank already, others as they were */
        if (at % WORD == 0u) {
            whole_word = draw() % 2u != 0u ? 0xff : 0x00;
        }
        mask = length == WORD ? (uint8_t)draw() : whole_word;
    } else if (how == CUT_AFTER) {
        mask = 0xff;
    }
    return (uint8_t)((after & mask) | (before & (uint8_t)~mask));
}

static void apply(const operation_t *operation, int how)
{
    size_t length = operation->erase ? SECTOR : WORD;
    uint8_t *place = flash + operation->offset;
    for (size_t i = 0; i < length; i++) {
        uint8_t after = operation->erase ? 0xff : (uint8_t)(place[i] & operation->data[i]);
        place[i] = tear(place[i], after, i, length, how);
    }
}

static void perform(const operation_t *operation)
{
    if (until_cut == 0) {
        apply(operation, how_to_cut);
        longjmp(power, 1);
    }
    until_cut -= until_cut > 0;
    if (recording) {
        if (history_length == history_room) {
            history_room = history_room * 2u + 1024u;
            history = realloc(history, history_room * sizeof *history);
            if (history == NULL) {
                fail("out of memory");
            }
        }
        history[history_length++] = *operation;
    }
    apply(operation, CUT_AFTER);
}

int iotsign_flash_read(uint32_t offset, void *buffer, size_t length)
{
    if (offset > FLASH_SIZE || length > FLASH_SIZE - offset) {
        return -1;
    }
    memcpy(buffer, flash + offset, length);
    return 0;
}

int iotsign_flash_write(uint32_t offset, const void *data, size_t length)
{
    if (offset % WORD != 0u || length % WORD != 0u || offset > FLASH_SIZE || length > FLASH_SIZE - offset) {
        fail("a write that is not aligned or leaves the flash");
    }
    for (size_t at = 0; at < length; at += WORD) {
        operation_t operation = {offset + (uint32_t)at, 0, {0}};
        memcpy(operation.data, (const uint8_t *)data + at, WORD);
        perform(&operation);
    }
    return 0;
}

int iotsign_flash_erase(uint32_t offset, uint32_t length)
{
    if (offset % SECTOR != 0u || length % SECTOR != 0u || offset > FLASH_SIZE || length > FLASH_SIZE - offset) {
        fail("an erase that is not aligned or leaves the flash");
    }
    for (uint32_t at = 0; at < length; at += SECTOR) {
        operation_t operation = {offset + at, 1, {0}};
        perform(&operation);
    }
    return 0;
}

typedef struct {
    uint8_t *data;
    size_t size;
} file_t;

static file_t load(const char *path)
{
    file_t file = {malloc(FLASH_SIZE), 0};
    FILE *stream = fopen(path, "rb");
    if (stream == NULL || file.data == NULL) {
        fail(path);
    }
    file.size = fread(file.data, 1, FLASH_SIZE, stream);
    fclose(stream);
    return file;
}

static file_t old_image;
static file_t new_image;

/* Start the device until it runs something; the result of the last start is in *result. Returns 0 if it never does. */
static int start(iotsign_boot_result_t *result)
{
    for (volatile int starts = 0; starts < MAX_STARTS; starts++) {
        if (setjmp(power) == 0) {
            return iotsign_boot_prepare(result) == 0 && result->trusted == IOTSIGN_TRUSTED;
        }
        until_cut = -1; /* the next start has power */
    }
    return 0;
}

/* Which image lies whole in the primary slot: 'o', 'n' or '?'. */
static char running(void)
{
    if (memcmp(flash, new_image.data, new_image.size) == 0) {
        return 'n';
    }
    return memcmp(flash, old_image.data, old_image.size) == 0 ? 'o' : '?';
}

typedef enum { TEST, PERMANENT, REVERT, CONFIRM } scenario_t;

/* The scenario's own writes; returns normally or by a power cut. */
static void act(scenario_t scenario)
{
    iotsign_boot_result_t result;
    if (scenario == CONFIRM && iotsign_boot_confirm() != 0) {
        fail("confirm failed");
    }
    if (iotsign_boot_prepare(&result) != 0) {
        fail("prepare failed");
    }
}

static void set_up(scenario_t scenario, const file_t *page)
{
    iotsign_boot_result_t result;
    memset(flash, 0xff, sizeof flash);
    memcpy(flash, new_image.data, new_image.size);
    memcpy(flash + SLOT, old_image.data, old_image.size);
    memcpy(flash + iotsign_board_layout.provisioning.offset, page->data, page->size);
    /* the device has seen an update before: its trailer is full of what an erase must not revive */
    if (iotsign_boot_set_pending(1) != 0 || !start(&result) || running() != 'o') {
        fail("the images do not boot: wrong key, too large, or NEW has the higher security counter");
    }
    if (iotsign_boot_set_pending(scenario == PERMANENT) != 0) {
        fail("set_pending failed");
    }
    if ((scenario == REVERT || scenario == CONFIRM) && (!start(&result) || running() != 'n')) {
        fail("the new image does not boot");
    }
}

/* Operations that are always tried, whatever the sample: all that is not the copying of an image. */
static int always(const operation_t *operation)
{
    uint32_t in_slot = operation->offset % SLOT;
    return operation->offset >= 2u * SLOT + SECTOR || (operation->offset < 2u * SLOT && in_slot >= iotsign_boot_capacity());
}

/* What must hold after recovery; NULL if it does. */
static const char *judge(scenario_t scenario)
{
    iotsign_boot_result_t result;
    if (!start(&result)) {
        return "unbootable";
    }
    char first = running();
    if (first == '?') {
        return "runs what was never signed";
    }
    iotsign_boot_state_t state;
    if (iotsign_boot_state(&state) != 0) {
        return "no state";
    }
    if (!start(&result)) {
        return "unbootable at the second start";
    }
    char second = running();
    switch (scenario) {
    case TEST: /* an unconfirmed image runs once at most, then the old one again */
        return second == 'o' ? NULL : "lost revert";
    case REVERT:
        return first == 'o' && second == 'o' ? NULL : "lost revert";
    case PERMANENT:
        return first == 'n' && second == 'n' ? NULL : "lost update";
    case CONFIRM: /* confirmed or not, but the same from then on, and never between */
        return state.testing ? (second == 'o' ? NULL : "lost revert") : (first == second ? NULL : "unstable");
    }
    return "no such scenario";
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"test", "permanent", "revert", "confirm"};
    static uint8_t moment[FLASH_SIZE];
    if (argc != 7) {
        fail("usage: powercut OLD NEW PROVISIONING test|permanent|revert|confirm SAMPLES SEED");
    }
    old_image = load(argv[1]);
    new_image = load(argv[2]);
    file_t page = load(argv[3]);
    int scenario = 0;
    while (scenario < 4 && strcmp(argv[4], names[scenario]) != 0) {
        scenario++;
    }
    size_t samples = (size_t)strtoul(argv[5], NULL, 10);
    random_state = strtoul(argv[6], NULL, 10);
    until_cut = -1;
    set_up((scenario_t)scenario, &page);
    memcpy(moment, flash, sizeof flash);
    recording = 1;
    act((scenario_t)scenario);
    recording = 0;

    size_t points = 0;
    size_t failures = 0;
    size_t all = history_length * CUTS;
    for (size_t index = 0; index < history_length; index++) {
        int tears = history[index].erase && always(&history[index]) ? RANDOM_TEARS : 1;
        for (int cut = 0; cut < CUTS - 1 + tears; cut++) {
            int how = cut < CUTS ? cut : CUT_TORN_RANDOM;
            if (samples != 0u && !always(&history[index]) && draw() % all >= samples) {
                continue;
            }
            memcpy(flash, moment, sizeof flash);
            apply(&history[index], how);
            until_cut = points % 2u != 0u ? (long)(draw() % (history_length + 1u)) : -1;
            how_to_cut = (int)(draw() % CUTS);
            const char *problem = judge((scenario_t)scenario);
            points++;
            if (problem != NULL && failures++ < 10u) {
                fprintf(stderr, "%s: operation %zu (%s at 0x%x), cut %d, second cut %d\n", problem, index,
                        history[index].erase ? "erase" : "write", (unsigned)history[index].offset, how, how_to_cut);
            }
        }
        memcpy(flash, moment, sizeof flash);
        apply(&history[index], CUT_AFTER);
        memcpy(moment, flash, sizeof flash);
    }
    printf("{\"scenario\":\"%s\",\"operations\":%zu,\"points\":%zu,\"failures\":%zu}\n", argv[4], history_length, points,
           failures);
    return failures != 0u;
}
