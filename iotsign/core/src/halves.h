/* What IOTSIGN_TRUSTED is the sum of. The whole stands nowhere in the code that computes it, and the start is not 0, which a
 * register may hold by chance.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_HALVES_H
#define IOTSIGN_HALVES_H

#define IOTSIGN_START 0x1d0f35c2u
#define IOTSIGN_FIRST_HALF 0x36a94cd1u
#define IOTSIGN_SECOND_HALF 0x47a45f13u

#endif
