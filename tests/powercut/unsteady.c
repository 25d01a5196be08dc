/* Let flash misbehave once, or in one place for good, during an update, and look at what boots.
 * SPDX-License-Identifier: Apache-2.0
 *
 *   unsteady OLD NEW PROVISIONING SCENARIO FAULT SAMPLES SEED
 *
 * The files, SCENARIO and SEED are those of powercut. FAULT is misread: one read has one wrong bit; fail: one operation
 * returns an error, perhaps half done; skip: one operation does nothing and says nothing; worn: from one operation on,
 * everything that touches its place does nothing and returns an error. SAMPLES is about how many reads or operations to
 * try, besides all operations on trailers and counters; 0 tries every one.
 *
 * Whatever happens, the device must not start anything but a whole image. A fault that has passed must leave it one to
 * start, and must not lose a revert; a fault that stays may stop it. Prints one JSON object; exits 1 if a point failed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootloader/boot.h"
#include "nor_flash.h"
#include "scenario.h"

#define MAX_OPERATIONS 100000u

typedef enum { MISREAD, FAIL, SKIP, WORN, FAULTS } fault_t;

static fault_t fault;
static size_t reads;
static size_t operations;
static uint8_t in_every_sample[MAX_OPERATIONS];
static size_t when; /* the fault's turn, from 1; 0: never */
static uint32_t worn;
static int is_worn;

static int on_read(uint32_t offset, uint8_t *buffer, size_t length)
{
    (void)offset;
    if (++reads == when && fault == MISREAD) {
        buffer[nor_draw() % length] ^= (uint8_t)(1u << nor_draw() % 8u);
    }
    return 0;
}

static int on_operation(const nor_operation_t *operation)
{
    if (when == 0u && operations < MAX_OPERATIONS) {
        in_every_sample[operations] = (uint8_t)scenario_keeps_books(operation);
    }
    operations++;
    if (fault == WORN && (is_worn ? operation->offset == worn : operations == when)) {
        is_worn = 1;
        worn = operation->offset;
        return -1;
    }
    if (operations != when || fault == MISREAD) {
        return 0;
    }
    if (fault == SKIP) {
        return NOR_SKIP;
    }
    nor_apply(operation, (nor_cut_t)(nor_draw() % NOR_AFTER));
    return -1;
}

/* What must hold once the fault has passed: as after a power cut, only that an update may have been refused, too. */
static const char *judge_afterwards(scenario_t scenario)
{
    iotsign_boot_result_t result;
    if (scenario != PERMANENT) {
        return scenario_judge(scenario);
    }
    if (!scenario_start(&result)) {
        return "unbootable";
    }
    char first = scenario_running();
    return first != '?' && scenario_start(&result) && scenario_running() == first ? NULL : "unstable";
}

/* Run the scenario with the fault; NULL if all went as it must. */
static const char *try(scenario_t scenario)
{
    iotsign_boot_result_t result;
    reads = 0;
    operations = 0;
    is_worn = 0;
    if (scenario == CONFIRM) {
        (void)iotsign_boot_confirm();
    }
    for (int starts = 0; starts < (fault == WORN ? 3 : 1); starts++) {
        if (iotsign_boot_prepare(&result) == 0 && result.trusted == IOTSIGN_TRUSTED && scenario_running() == '?') {
            return "starts what is not whole";
        }
    }
    if (fault == WORN) {
        return NULL;
    }
    when = 0;
    return judge_afterwards(scenario);
}

int main(int argc, char **argv)
{
    static const char *const names[FAULTS] = {"misread", "fail", "skip", "worn"};
    static uint8_t before[NOR_SIZE];
    if (argc != 8) {
        nor_fail("usage: unsteady OLD NEW PROVISIONING SCENARIO misread|fail|skip|worn SAMPLES SEED");
    }
    scenario_t scenario = scenario_load(argv);
    for (fault = MISREAD; fault < FAULTS && strcmp(argv[5], names[fault]) != 0; fault++) {
    }
    size_t samples = (size_t)strtoul(argv[6], NULL, 10);
    nor_random_state = strtoul(argv[7], NULL, 10);
    scenario_set_up(scenario);
    memcpy(before, nor_flash, NOR_SIZE);
    nor_on_read = on_read;
    nor_on_operation = on_operation;
    if (scenario_act(scenario) != 0) {
        nor_fail("the scenario fails without a fault");
    }
    size_t all = fault == MISREAD ? reads : operations;
    size_t tried = 0;
    size_t failures = 0;
    for (size_t index = 0; index < all; index++) {
        int is_drawn = samples == 0u || nor_draw() % all < samples;
        if (!is_drawn && (fault == MISREAD || !in_every_sample[index])) {
            continue;
        }
        tried++;
        memcpy(nor_flash, before, NOR_SIZE);
        when = index + 1u;
        const char *problem = try(scenario);
        if (problem != NULL && failures++ < 10u) {
            fprintf(stderr, "%s: %s of %zu\n", problem, argv[5], index);
        }
    }
    printf("{\"scenario\":\"%s\",\"fault\":\"%s\",\"of\":%zu,\"points\":%zu,\"failures\":%zu}\n", argv[4], argv[5], all,
           tried, failures);
    return failures != 0u;
}
