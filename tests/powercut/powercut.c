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
#include "nor_flash.h"
#include "scenario.h"

#define RANDOM_TEARS 64 /* of each erase of a trailer */

static nor_operation_t *history;
static size_t history_length;
static size_t history_room;
static int recording;
static nor_cut_t how_to_cut;

static int before_operation(const nor_operation_t *operation)
{
    if (scenario_until_cut == 0) {
        nor_apply(operation, how_to_cut);
        longjmp(scenario_power, 1);
    }
    scenario_until_cut -= scenario_until_cut > 0;
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

/* Bring the flash back to a moment that it has left since the last call. */
static void restore(const uint8_t *moment)
{
    for (size_t sector = 0; sector < sizeof nor_is_changed; sector++) {
        if (nor_is_changed[sector]) {
            memcpy(nor_flash + sector * NOR_SECTOR, moment + sector * NOR_SECTOR, NOR_SECTOR);
            nor_is_changed[sector] = 0;
        }
    }
}

int main(int argc, char **argv)
{
    static uint8_t moment[NOR_SIZE];
    if (argc != 7) {
        nor_fail("usage: powercut OLD NEW PROVISIONING test|permanent|revert|confirm SAMPLES SEED");
    }
    scenario_t scenario = scenario_load(argv);
    size_t samples = (size_t)strtoul(argv[5], NULL, 10);
    nor_random_state = strtoul(argv[6], NULL, 10);
    nor_on_operation = before_operation;
    scenario_set_up(scenario);
    memcpy(moment, nor_flash, NOR_SIZE);
    recording = 1;
    if (scenario_act(scenario) != 0) {
        nor_fail("the scenario failed without a cut");
    }
    recording = 0;

    size_t points = 0;
    size_t failures = 0;
    size_t all = history_length * NOR_CUTS;
    for (size_t index = 0; index < history_length; index++) {
        int tears = history[index].erase && scenario_keeps_books(&history[index]) ? RANDOM_TEARS : 1;
        for (int cut = 0; cut < NOR_CUTS - 1 + tears; cut++) {
            nor_cut_t how = cut < NOR_CUTS ? (nor_cut_t)cut : NOR_TORN_RANDOM;
            if (samples != 0u && !scenario_keeps_books(&history[index]) && nor_draw() % all >= samples) {
                continue;
            }
            restore(moment);
            nor_apply(&history[index], how);
            scenario_until_cut = points % 2u != 0u ? (long)(nor_draw() % (history_length + 1u)) : -1;
            how_to_cut = (nor_cut_t)(nor_draw() % NOR_CUTS);
            const char *problem = scenario_judge(scenario);
            points++;
            if (problem != NULL && failures++ < 10u) {
                fprintf(stderr, "%s: operation %zu (%s at 0x%x), cut %d, second cut %d\n", problem, index,
                        history[index].erase ? "erase" : "write", (unsigned)history[index].offset, how, how_to_cut);
            }
        }
        uint8_t *device = nor_flash;
        nor_flash = moment;
        nor_apply(&history[index], NOR_AFTER);
        nor_flash = device;
    }
    printf("{\"scenario\":\"%s\",\"operations\":%zu,\"points\":%zu,\"failures\":%zu}\n", argv[4], history_length, points,
           failures);
    return failures != 0u;
}
