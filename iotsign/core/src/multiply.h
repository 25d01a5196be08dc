/* The one multiplication that large numbers need.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_MULTIPLY_H
#define IOTSIGN_MULTIPLY_H

#include "compiler.h"
#include "iotsign/limb.h"

#if IOTSIGN_LIMB_BITS == 64u
__extension__ typedef unsigned __int128 iotsign_double_limb_t;
#elif IOTSIGN_LIMB_BITS == 32u
typedef uint64_t iotsign_double_limb_t;
#else
typedef uint32_t iotsign_double_limb_t;
#endif

/* Returns the low limb of a * b + c + d, which cannot overflow two limbs; *high receives the high one. */
IOTSIGN_WRAPS static inline iotsign_limb_t iotsign_multiply_add(iotsign_limb_t a, iotsign_limb_t b, iotsign_limb_t c, iotsign_limb_t d,
                                                  iotsign_limb_t *high)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__) && IOTSIGN_LIMB_BITS == 32u
    __asm__("umaal %0, %1, %2, %3" : "+r"(c), "+r"(d) : "r"(a), "r"(b)); /* gcc does not find it by itself */
    *high = d;
    return c;
#elif IOTSIGN_LIMB_BITS == 64u
    iotsign_double_limb_t product = (iotsign_double_limb_t)a * b; /* carries in one limb: compilers do badly with two */
    iotsign_limb_t low = (iotsign_limb_t)(product & (iotsign_limb_t)~(iotsign_limb_t)0) + c;
    *high = (iotsign_limb_t)(product >> IOTSIGN_LIMB_BITS) + (low < c);
    low += d;
    *high += low < d;
    return low;
#else
    iotsign_double_limb_t sum = (iotsign_double_limb_t)a * b + c + d;
    *high = (iotsign_limb_t)(sum >> IOTSIGN_LIMB_BITS);
    return (iotsign_limb_t)(sum & (iotsign_limb_t)~(iotsign_limb_t)0);
#endif
}

#endif
