/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence.h"
#include "halves.h"
#include "iotsign/hardened.h"
#include "memory.h"

uint32_t iotsign_mcuboot_verify_hardened(const iotsign_region_t *region, const iotsign_mcuboot_policy_t *policy,
                                         const iotsign_scratch_t *scratch, iotsign_mcuboot_image_t *image)
{
    volatile uint32_t verdict = IOTSIGN_START;
    volatile iotsign_status_t status = IOTSIGN_ERROR_SIGNATURE;
    iotsign_mcuboot_image_t first;
    iotsign_evidence_t evidence;

    memset(&evidence, 0, sizeof evidence);
    status = iotsign_mcuboot_evaluate(region, policy, scratch, &first, IOTSIGN_READ_TWICE, &evidence);
    if (status == IOTSIGN_OK) {
        verdict = verdict + IOTSIGN_FIRST_HALF;
    }
    status = IOTSIGN_ERROR_SIGNATURE;
    status = iotsign_mcuboot_evaluate(region, policy, scratch, image, IOTSIGN_RELY, &evidence);
    if (status == IOTSIGN_OK && memcmp(&first, image, sizeof first) == 0) {
        verdict = verdict + IOTSIGN_SECOND_HALF;
    }
    return verdict;
}
