/* How the SIMD paths hold a compiler to the code that was measured.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_INLINE_H
#define IOTSIGN_INLINE_H

#include <stdint.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* Gives back its argument, computed where it is written. Compilers would regroup sums off the critical path, and move
 * instructions out of the order that keeps every unit of a core busy. */
ALWAYS_INLINE uint64_t in_order(uint64_t value)
{
    __asm__("" : "+r"(value));
    return value;
}

#endif
