/* SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/hardened.h"

int iotsign_verdict_is_trusted(uint32_t verdict)
{
    return verdict == IOTSIGN_TRUSTED;
}
