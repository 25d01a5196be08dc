/* SPDX-License-Identifier: Apache-2.0 */
#include "scenario.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_STARTS 12

jmp_buf scenario_power;
long scenario_until_cut = -1;

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
static file_t page;

scenario_t scenario_load(char **argv)
{
    static const char *const names[SCENARIOS] = {"test", "permanent", "revert", "confirm"};
    int scenario = 0;
    old_image = load(argv[1]);
    new_image = load(argv[2]);
    page = load(argv[3]);
    while (scenario < SCENARIOS && strcmp(argv[4], names[scenario]) != 0) {
        scenario++;
    }
    if (scenario == SCENARIOS) {
        nor_fail("no such scenario");
    }
    return (scenario_t)scenario;
}

int scenario_start(iotsign_boot_result_t *result)
{
    for (volatile int starts = 0; starts < MAX_STARTS; starts++) {
        if (setjmp(scenario_power) == 0) {
            return iotsign_boot_prepare(result) == 0 && result->trusted == IOTSIGN_TRUSTED;
        }
        scenario_until_cut = -1; /* the next start has power */
    }
    return 0;
}

char scenario_running(void)
{
    if (memcmp(nor_flash, new_image.data, new_image.size) == 0) {
        return 'n';
    }
    return memcmp(nor_flash, old_image.data, old_image.size) == 0 ? 'o' : '?';
}

int scenario_act(scenario_t scenario)
{
    iotsign_boot_result_t result;
    int status = scenario == CONFIRM ? iotsign_boot_confirm() : 0;
    return status != 0 ? status : iotsign_boot_prepare(&result);
}

void scenario_set_up(scenario_t scenario)
{
    iotsign_boot_result_t result;
    memset(nor_flash, 0xff, NOR_SIZE);
    memcpy(nor_flash, new_image.data, new_image.size);
    memcpy(nor_flash + NOR_SLOT, old_image.data, old_image.size);
    memcpy(nor_flash + iotsign_board_layout.provisioning.offset, page.data, page.size);
    /* the device has seen an update before: its trailer is full of what an erase must not revive */
    if (iotsign_boot_set_pending(1) != 0 || !scenario_start(&result) || scenario_running() != 'o') {
        nor_fail("the images do not boot: wrong key, too large, or NEW has the higher security counter");
    }
    if (iotsign_boot_set_pending(scenario == PERMANENT) != 0) {
        nor_fail("set_pending failed");
    }
    if ((scenario == REVERT || scenario == CONFIRM) && (!scenario_start(&result) || scenario_running() != 'n')) {
        nor_fail("the new image does not boot");
    }
}

const char *scenario_judge(scenario_t scenario)
{
    iotsign_boot_result_t result;
    if (!scenario_start(&result)) {
        return "unbootable";
    }
    char first = scenario_running();
    if (first == '?') {
        return "runs what was never signed";
    }
    iotsign_boot_state_t state;
    if (iotsign_boot_state(&state) != 0) {
        return "no state";
    }
    if (!scenario_start(&result)) {
        return "unbootable at the second start";
    }
    char second = scenario_running();
    switch (scenario) {
    case TEST: /* an unconfirmed image runs once at most, then the old one again */
        return second == 'o' ? NULL : "lost revert";
    case REVERT:
        return first == 'o' && second == 'o' ? NULL : "lost revert";
    case PERMANENT:
        return first == 'n' && second == 'n' ? NULL : "lost update";
    case CONFIRM: /* confirmed or not, but the same from then on, and never between */
        return state.testing ? (second == 'o' ? NULL : "lost revert") : (first == second ? NULL : "unstable");
    case SCENARIOS:
        break;
    }
    return "no such scenario";
}

int scenario_keeps_books(const nor_operation_t *operation)
{
    uint32_t in_slot = operation->offset % NOR_SLOT;
    return operation->offset >= 2u * NOR_SLOT + NOR_SECTOR ||
           (operation->offset < 2u * NOR_SLOT && in_slot >= iotsign_boot_capacity());
}
