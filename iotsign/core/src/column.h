/* The sum of one column of a product of LIMBS limbs: signed, of twice a limb's bits, added up by the machine's best
 * multiplication.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The portable form is the reference; -DIOTSIGN_PORTABLE selects it everywhere. Compilers make one instruction of each
 * of its products where there is one (Cortex-M3 and up: smlal). They do badly, and are told how, on RV32 (32 x 32 -> 64
 * bits in two halves, no carry flag) and ARMv6-M and ARMv8-M Baseline (16 x 16 -> 32 bits). */
#ifndef IOTSIGN_COLUMN_H
#define IOTSIGN_COLUMN_H

#include <stdint.h>

#include "compiler.h"
#include "ecdsa_limb.h"

#define LIMB_MASK (((limb_t)1 << LIMB_BITS) - 1)

#if defined(__riscv) && __riscv_xlen == 32 && defined(__riscv_mul) && !defined(IOTSIGN_PORTABLE)

typedef struct {
    uint32_t low;
    int32_t high;
} column_t;

#define COLUMN_ZERO {0, 0}

static IOTSIGN_INLINE void column_add_product(column_t *column, int32_t left, int32_t right)
{
    uint32_t low;
    int32_t high;

    __asm__("mul %2, %4, %5\n\t"
            "mulh %3, %4, %5\n\t"
            "add %0, %0, %2\n\t"
            "sltu %2, %0, %2\n\t"
            "add %1, %1, %3\n\t"
            "add %1, %1, %2"
            : "+r"(column->low), "+r"(column->high), "=&r"(low), "=&r"(high)
            : "r"(left), "r"(right));
}

static IOTSIGN_INLINE void column_add_shifted(column_t *column, int32_t digit, unsigned bits)
{
    uint32_t low = (uint32_t)digit << bits;

    column->low += low;
    column->high += (digit >> (32u - bits)) + (column->low < low);
}

static IOTSIGN_INLINE void column_subtract_shifted(column_t *column, int32_t digit, unsigned bits)
{
    uint32_t low = (uint32_t)digit << bits;

    column->high -= (digit >> (32u - bits)) + (column->low < low);
    column->low -= low;
}

static IOTSIGN_INLINE uint32_t column_low(const column_t *column)
{
    return column->low;
}

static IOTSIGN_INLINE int32_t column_take(column_t *column)
{
    int32_t limb = (int32_t)(column->low & (uint32_t)LIMB_MASK);

    column->low = column->low >> LIMB_BITS | (uint32_t)column->high << (32 - LIMB_BITS);
    column->high >>= LIMB_BITS;
    return limb;
}

#else

#if defined(WIDE_LIMBS)
__extension__ typedef __int128 column_t;
__extension__ typedef unsigned __int128 unsigned_column_t;
#else
typedef int64_t column_t;
#endif

#define COLUMN_ZERO 0

/* column += left * right. */
#if (defined(__ARM_ARCH_6M__) || defined(__ARM_ARCH_8M_BASE__)) && !defined(__ARMEB__) && !defined(IOTSIGN_PORTABLE)
static IOTSIGN_INLINE void column_add_product(column_t *column, int32_t left, int32_t right)
{
    uint32_t low = (uint32_t)*column, high = (uint32_t)((uint64_t)*column >> 32);
    uint32_t a, b, c;

    /* left = l * 2^16 + a, right = r * 2^16 + b: the sum of lb and ar fits a signed word, for limbs below 2^30 */
    __asm__(".syntax unified\n\t"
            "uxth %4, %2\n\t"
            "asrs %2, %2, #16\n\t"
            "uxth %5, %3\n\t"
            "asrs %3, %3, #16\n\t"
            "movs %6, %4\n\t"
            "muls %6, %5, %6\n\t"
            "muls %4, %3, %4\n\t"
            "muls %5, %2, %5\n\t"
            "muls %2, %3, %2\n\t"
            "adds %4, %4, %5\n\t"
            "asrs %3, %4, #16\n\t"
            "lsls %4, %4, #16\n\t"
            "adds %0, %0, %6\n\t"
            "adcs %1, %1, %2\n\t"
            "adds %0, %0, %4\n\t"
            "adcs %1, %1, %3"
            : "+l"(low), "+l"(high), "+l"(left), "+l"(right), "=&l"(a), "=&l"(b), "=&l"(c)
            :
            : "cc");
    *column = (int64_t)((uint64_t)high << 32 | low);
}

#define COLUMN_ADD_PRODUCTS
static IOTSIGN_INLINE void column_add_products(column_t *column, const int32_t *up, const int32_t *down, int count)
{
    uint32_t low = (uint32_t)*column, high = (uint32_t)((uint64_t)*column >> 32);
    uint32_t a, b, c;

    /* as above, with one register less: halves are loaded twice */
    __asm__(".syntax unified\n"
            "1:\n\t"
            "ldrh %4, [%2]\n\t"
            "ldrh %5, [%3]\n\t"
            "muls %5, %4, %5\n\t"
            "adds %0, %0, %5\n\t"
            "movs %5, #0\n\t"
            "adcs %1, %1, %5\n\t"
            "ldr %5, [%3]\n\t"
            "asrs %5, %5, #16\n\t"
            "muls %4, %5, %4\n\t"
            "ldr %6, [%2]\n\t"
            "asrs %6, %6, #16\n\t"
            "muls %5, %6, %5\n\t"
            "adds %1, %1, %5\n\t"
            "ldrh %5, [%3]\n\t"
            "muls %6, %5, %6\n\t"
            "adds %4, %4, %6\n\t"
            "asrs %6, %4, #16\n\t"
            "lsls %4, %4, #16\n\t"
            "adds %0, %0, %4\n\t"
            "adcs %1, %1, %6\n\t"
            "subs %3, %3, #4\n\t"
            "adds %2, %2, #4\n\t"
            "cmp %2, %7\n\t"
            "bne 1b"
            : "+l"(low), "+l"(high), "+l"(up), "+l"(down), "=&l"(a), "=&l"(b), "=&l"(c)
            : "h"(up + count)
            : "cc", "memory");
    *column = (int64_t)((uint64_t)high << 32 | low);
}

static IOTSIGN_INLINE void column_add_shifted(column_t *column, int32_t digit, unsigned bits)
{
    uint32_t low = (uint32_t)*column, high = (uint32_t)((uint64_t)*column >> 32);

    __asm__(".syntax unified\n\t"
            "adds %0, %0, %2\n\t"
            "adcs %1, %1, %3"
            : "+l"(low), "+l"(high)
            : "l"((uint32_t)digit << bits), "l"((uint32_t)digit >> (32u - bits))
            : "cc");
    *column = (int64_t)((uint64_t)high << 32 | low);
}

static IOTSIGN_INLINE void column_subtract_shifted(column_t *column, int32_t digit, unsigned bits)
{
    uint32_t low = (uint32_t)*column, high = (uint32_t)((uint64_t)*column >> 32);

    __asm__(".syntax unified\n\t"
            "subs %0, %0, %2\n\t"
            "sbcs %1, %1, %3"
            : "+l"(low), "+l"(high)
            : "l"((uint32_t)digit << bits), "l"((uint32_t)digit >> (32u - bits))
            : "cc");
    *column = (int64_t)((uint64_t)high << 32 | low);
}
#else
static IOTSIGN_INLINE void column_add_product(column_t *column, limb_t left, limb_t right)
{
    *column += (column_t)left * right;
}

/* digit * 2^bits, for a digit in [0, 2^LIMB_BITS) and 0 < bits < LIMB_BITS. */
IOTSIGN_WRAPS static IOTSIGN_INLINE column_t column_shift(limb_t digit, unsigned bits)
{
#if defined(WIDE_LIMBS) /* in halves: compilers make slow double shifts of the other form */
    unsigned_limb_t low = (unsigned_limb_t)digit << bits, high = (unsigned_limb_t)digit >> (64u - bits);
    return (column_t)((unsigned_column_t)high << 64 | low);
#else
    return (column_t)digit * (1 << bits);
#endif
}

static IOTSIGN_INLINE void column_add_shifted(column_t *column, limb_t digit, unsigned bits)
{
    *column += column_shift(digit, bits);
}

static IOTSIGN_INLINE void column_subtract_shifted(column_t *column, limb_t digit, unsigned bits)
{
    *column -= column_shift(digit, bits);
}

#if defined(WIDE_LIMBS)
/* column += digit * 2^bits for the digit that is the lowest limb of the sum; 2 * bits >= 64. */
IOTSIGN_WRAPS static IOTSIGN_INLINE void column_add_digit(column_t *column, unsigned bits)
{
    unsigned_limb_t before = (unsigned_limb_t)*column, low = before + (before << bits);
    unsigned_limb_t digit = low & (unsigned_limb_t)LIMB_MASK;
    unsigned_limb_t high = (unsigned_limb_t)(*column >> 64) + (digit >> (64u - bits)) + (low < before);

    *column = (column_t)((unsigned_column_t)high << 64 | low);
}
#endif
#endif

static IOTSIGN_INLINE unsigned_limb_t column_low(const column_t *column)
{
    return (unsigned_limb_t)*column;
}

/* Take the lowest limb off, and carry the rest into the next column. */
static IOTSIGN_INLINE limb_t column_take(column_t *column)
{
    limb_t limb = (limb_t)(*column & LIMB_MASK);

    *column >>= LIMB_BITS;
    return limb;
}

#endif

#if !defined(COLUMN_ADD_PRODUCTS)
/* column += up[0] * down[0] + up[1] * down[-1] + …, one product or more. */
static IOTSIGN_INLINE void column_add_products(column_t *column, const limb_t *up, const limb_t *down, int count)
{
    const limb_t *last = up + (count - 1);

    column_add_product(column, *up, *down);
    while (up != last) {
        column_add_product(column, *++up, *--down);
    }
}
#endif

#endif
