/* The limb of P-256 and P-384: of 32 bits, or on 64-bit machines of 64.
 * SPDX-License-Identifier: Apache-2.0
 *
 * -DIOTSIGN_PORTABLE and the small profile select the narrow one everywhere: a host then runs what microcontrollers run. */
#ifndef IOTSIGN_ECDSA_LIMB_H
#define IOTSIGN_ECDSA_LIMB_H

#include <stdint.h>

#include "compiler.h"

#if defined(__SIZEOF_INT128__) && !defined(IOTSIGN_PROFILE_SMALL) && !defined(IOTSIGN_PORTABLE)
#define WIDE_LIMBS
typedef int64_t limb_t;
typedef uint64_t unsigned_limb_t;
#define LIMB_LOOP IOTSIGN_UNROLL /* few limbs */
#else
typedef int32_t limb_t;
typedef uint32_t unsigned_limb_t;
#define LIMB_LOOP
#endif

#endif
