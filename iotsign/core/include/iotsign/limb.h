/* The machine word that large numbers are made of, chosen so that a product of two fits what the core multiplies well:
 * 16 bits where only 32×32→32 exists (ARMv6-M), 64 bits on 64-bit machines, 32 bits elsewhere.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_LIMB_H
#define IOTSIGN_LIMB_H

#include <stdint.h>

#if defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)
#define IOTSIGN_LIMB_BITS 16u
typedef uint16_t iotsign_limb_t;
#elif defined(__SIZEOF_INT128__)
#define IOTSIGN_LIMB_BITS 64u
typedef uint64_t iotsign_limb_t;
#else
#define IOTSIGN_LIMB_BITS 32u
typedef uint32_t iotsign_limb_t;
#endif

#endif
