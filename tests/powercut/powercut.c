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
#include "nor_flash.h"

#define MAX_STARTS 12
#define RANDOM_TEARS 64 /* of each erase of a trailer */

static nor_operation_t *history;
static size_t history_length;
static size_t history_room;
static int recording;
static long until_cut; /* operations left before the power fails; negative: it does not */
static nor_cut_t how_to_cut;
static jmp_buf power;

static int before_operation(const nor_operation_t *operation)
{
    if (until_cut == 0) {
        nor_apply(operation, how_to_cut);
        longjmp(power, 1);
    }
    until_cut -= until_cut > 0;
    if (recording) {
        if (history_length == history_room) {
            history_room = history_room * 2u + 1024u;
            history = realloc(history, history_room * sizeof *history);
            if (history == NULL) {
                nor_fail("out of memory");
            }
        }
        history[history_length++] = *operation;
    }
    return 0;
}

typedef struct {
    uint8_t *data;
    size_t size;
} file_t;

static file_t load(const char *path)
{
    file_t file = {malloc(NOR_SIZE), 0};
    FILE *stream = fopen(path, "rb");
    if (stream == NULL || file.data == NULL) {
        nor_fail(path);
    }
    file.size = fread(file.data, 1, NOR_SIZE, stream);
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
    if (memcmp(nor_flash, new_image.data, new_image.size) == 0) {
        return 'n';
    }
    return memcmp(nor_flash, old_image.data, old_image.size) == 0 ? 'o' : '?';
}

typedef enum { TEST, PERMANENT, REVERT, CONFIRM } scenario_t;

/* The scenario's own writes; returns normally or by a power cut. */
static void act(scenario_t scenario)
{
    iotsign_boot_result_t result;
    if (scenario == CONFIRM && iotsign_boot_confirm() != 0) {
        nor_fail("confirm failed");
    }
    if (iotsign_boot_prepare(&result) != 0) {
        nor_fail("prepare failed");
    }
}

static void set_up(scenario_t scenario, const file_t *page)
{
    iotsign_boot_result_t result;
    memset(nor_flash, 0xff, NOR_SIZE);
    memcpy(nor_flash, new_image.data, new_image.size);
    memcpy(nor_flash + NOR_SLOT, old_image.data, old_image.size);
    memcpy(nor_flash + iotsign_board_layout.provisioning.offset, page->data, page->size);
    /* the device has seen an update before: its trailer is full of what an erase must not revive */
    if (iotsign_boot_set_pending(1) != 0 || !start(&result) || running() != 'o') {
        nor_fail("the images do not boot: wrong key, too large, or NEW has the higher security counter");
    }
    if (iotsign_boot_set_pending(scenario == PERMANENT) != 0) {
        nor_fail("set_pending failed");
    }
    if ((scenario == REVERT || scenario == CONFIRM) && (!start(&result) || running() != 'n')) {
        nor_fail("the new image does not boot");
    }
}

/* Operations that are always tried, whatever the sample: all that is not the copying of an image. */
static int always(const nor_operation_t *operation)
{
    uint32_t in_slot = operation->offset % NOR_SLOT;
    return operation->offset >= 2u * NOR_SLOT + NOR_SECTOR ||
           (operation->offset < 2u * NOR_SLOT && in_slot >= iotsign_boot_capacity());
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
    static uint8_t moment[NOR_SIZE];
    if (argc != 7) {
        nor_fail("usage: powercut OLD NEW PROVISIONING test|permanent|revert|confirm SAMPLES SEED");
    }
    old_image = load(argv[1]);
    new_image = load(argv[2]);
    file_t page = load(argv[3]);
    int scenario = 0;
    while (scenario < 4 && strcmp(argv[4], names[scenario]) != 0) {
        scenario++;
    }
    size_t samples = (size_t)strtoul(argv[5], NULL, 10);
    nor_random_state = strtoul(argv[6], NULL, 10);
    until_cut = -1;
    nor_on_operation = before_operation;
    set_up((scenario_t)scenario, &page);
    memcpy(moment, nor_flash, NOR_SIZE);
    recording = 1;
    act((scenario_t)scenario);
    recording = 0;

    size_t points = 0;
    size_t failures = 0;
    size_t all = history_length * NOR_CUTS;
    for (size_t index = 0; index < history_length; index++) {
        int tears = history[index].erase && always(&history[index]) ? RANDOM_TEARS : 1;
        for (int cut = 0; cut < NOR_CUTS - 1 + tears; cut++) {
            nor_cut_t how = cut < NOR_CUTS ? (nor_cut_t)cut : NOR_TORN_RANDOM;
            if (samples != 0u && !always(&history[index]) && nor_draw() % all >= samples) {
                continue;
            }
            memcpy(nor_flash, moment, NOR_SIZE);
            nor_apply(&history[index], how);
            until_cut = points % 2u != 0u ? (long)(nor_draw() % (history_length + 1u)) : -1;
            how_to_cut = (nor_cut_t)(nor_draw() % NOR_CUTS);
            const char *problem = judge((scenario_t)scenario);
            points++;
            if (problem != NULL && failures++ < 10u) {
                fprintf(stderr, "%s: operation %zu (%s at 0x%x), cut %d, second cut %d\n", problem, index,
                        history[index].erase ? "erase" : "write", (unsigned)history[index].offset, how, how_to_cut);
            }
        }
        memcpy(nor_flash, moment, NOR_SIZE);
        nor_apply(&history[index], NOR_AFTER);
        memcpy(moment, nor_flash, NOR_SIZE);
    }
    printf("{\"scenario\":\"%s\",\"operations\":%zu,\"points\":%zu,\"failures\":%zu}\n", argv[4], history_length, points,
           failures);
    return failures != 0u;
}
