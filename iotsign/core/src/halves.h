/* The halves of IOTSIGN_TRUSTED: their sum. The whole stands nowhere in the code that computes it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_HALVES_H
#define IOTSIGN_HALVES_H

#define IOTSIGN_FIRST_HALF 0x36a94cd1u
#define IOTSIGN_SECOND_HALF 0x64b394d5u

#endif
