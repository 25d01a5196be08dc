/* Verdicts for a boot loader whose processor may be made to skip an instruction.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A hardened function evaluates everything that decides twice, from two readings of the flash, and each evaluation contributes
 * a half of IOTSIGN_TRUSTED. The signed bytes are read twice; where the hash can watch over both readings (SHA-256) they are
 * hashed once, else twice. One skipped instruction makes at most one of them wrong. The caller must not undo that with a single
 * branch, or a single load of the expected constant, of its own. It asks twice, in two ways, of a volatile copy:
 *
 *     volatile uint32_t verdict = 0;
 *     verdict = iotsign_mcuboot_verify_hardened(&region, &policy, &scratch, &image);
 *     if (!iotsign_verdict_is_trusted(verdict)) refuse();       refuse() never returns, and the compiler
 *     if (verdict != IOTSIGN_TRUSTED) refuse();                 does not know that it never returns
 */
#ifndef IOTSIGN_HARDENED_H
#define IOTSIGN_HARDENED_H

#include <stdint.h>

#include "iotsign/detached.h"
#include "iotsign/mcuboot.h"

/* Every other value is a refusal. */
#define IOTSIGN_TRUSTED 0x9b5ce1a6u

/* Whether this is IOTSIGN_TRUSTED, in a function that is never part of its caller (unless by link-time optimisation, which is
 * to be turned off for the core). */
int iotsign_verdict_is_trusted(uint32_t verdict);

/* iotsign_mcuboot_verify, evaluated twice. Refuses also what was verified both times but differed (flash that reads differently
 * the second time). *image is what the second found, all zeros unless that succeeded; it counts only with IOTSIGN_TRUSTED. Half
 * of scratch->buffer is for the second readings: with less than 128 bytes, everything is hashed twice. */
uint32_t iotsign_mcuboot_verify_hardened(const iotsign_region_t *region, const iotsign_mcuboot_policy_t *policy,
                                         const iotsign_scratch_t *scratch, iotsign_mcuboot_image_t *image);

/* iotsign_detached_verify, evaluated twice; the buffer as above. */
uint32_t iotsign_detached_verify_hardened(const iotsign_detached_t *claim, const iotsign_scratch_t *scratch);

#endif
