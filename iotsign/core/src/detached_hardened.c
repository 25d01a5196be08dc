/* SPDX-License-Identifier: Apache-2.0 */
#include "evidence.h"
#include "halves.h"
#include "iotsign/hardened.h"
#include "memory.h"

uint32_t iotsign_detached_verify_hardened(const iotsign_detached_t *claim, const iotsign_scratch_t *scratch)
{
    volatile uint32_t verdict = IOTSIGN_START;
    volatile iotsign_status_t status = IOTSIGN_ERROR_SIGNATURE;
    iotsign_evidence_t evidence;

    memset(&evidence, 0, sizeof evidence);
    status = iotsign_detached_evaluate(claim, scratch, IOTSIGN_READ_TWICE, &evidence);
    if (status == IOTSIGN_OK) {
        verdict = verdict + IOTSIGN_FIRST_HALF;
    }
    status = IOTSIGN_ERROR_SIGNATURE;
    status = iotsign_detached_evaluate(claim, scratch, IOTSIGN_RELY, &evidence);
    if (status == IOTSIGN_OK) {
        verdict = verdict + IOTSIGN_SECOND_HALF;
    }
    return verdict;
}
