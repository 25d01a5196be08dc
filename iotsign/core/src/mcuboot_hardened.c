/* SPDX-License-Identifier: Apache-2.0 */
#include "halves.h"
#include "iotsign/hardened.h"
#include "memory.h"

uint32_t iotsign_mcuboot_verify_hardened(const iotsign_region_t *region, const iotsign_mcuboot_policy_t *policy,
                                         const iotsign_scratch_t *scratch, iotsign_mcuboot_image_t *image)
{
    volatile uint32_t verdict = IOTSIGN_START;
    volatile iotsign_status_t status = IOTSIGN_ERROR_SIGNATURE;
    iotsign_mcuboot_image_t first;

    status = iotsign_mcuboot_verify(region, policy, scratch, &first);
    if (status == IOTSIGN_OK) {
        verdict = verdict + IOTSIGN_FIRST_HALF;
    }
    status = IOTSIGN_ERROR_SIGNATURE;
    status = iotsign_mcuboot_verify(region, policy, scratch, image);
    if (status == IOTSIGN_OK && memcmp(first.digest, image->digest, sizeof first.digest) == 0) {
        verdict = verdict + IOTSIGN_SECOND_HALF;
    }
    return verdict;
}
