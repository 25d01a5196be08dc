/* What may be going on when something fails: an update, a revert, a confirmation; and what must hold afterwards.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SCENARIO_H
#define SCENARIO_H

#include <setjmp.h>

#include "bootloader/boot.h"
#include "nor_flash.h"

typedef enum { TEST, PERMANENT, REVERT, CONFIRM, SCENARIOS } scenario_t;

/* argv[1], [2], [3]: files of the old image, the new image and the provisioning page; argv[4]: the scenario's name. */
scenario_t scenario_load(char **argv);

/* Bring the simulated flash to where the scenario begins. */
void scenario_set_up(scenario_t scenario);

/* The scenario's own writes; returns 0, or a negative value if the flash failed, or leaves by a power cut. */
int scenario_act(scenario_t scenario);

/* What must hold after recovery; NULL if it does. */
const char *scenario_judge(scenario_t scenario);

/* Start the device, again after each cut, until it runs something; the result of the last start is in *result. Returns 0 if it
 * never does. */
int scenario_start(iotsign_boot_result_t *result);

/* Which image lies whole in the primary slot: 'o', 'n' or '?'. */
char scenario_running(void);

/* Whether an operation belongs to trailers or counters, not to the copying of an image: such are part of every sample. */
int scenario_keeps_books(const nor_operation_t *operation);

/* Where a power cut goes to, and how many operations come before it; negative: none does. A start that was cut has power the
 * next time. */
extern jmp_buf scenario_power;
extern long scenario_until_cut;

#endif
