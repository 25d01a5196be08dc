/* Montgomery multiplication: x * y / R mod n, or that plus n (Koç, Acar, Kaliski, "Analyzing and Comparing Montgomery
 * Multiplication Algorithms", 1996).
 * SPDX-License-Identifier: Apache-2.0
 *
 * r receives the lowest `count` limbs and differs from x and y; what is above, 0 or 1, is returned. n is odd, `inverse` is
 * -1/n mod 2^IOTSIGN_LIMB_BITS. The operand-scanning form (FIOS) is for all; -DIOTSIGN_PORTABLE selects it everywhere. On
 * ARMv6-M the product-scanning form (FIPS) needs half the instructions: its inner loop only loads, multiplies and adds. */
#ifndef IOTSIGN_MONTGOMERY_H
#define IOTSIGN_MONTGOMERY_H

#include <stddef.h>

#include "compiler.h"
#include "memory.h"
#include "multiply.h"

#if defined(__ARM_ARCH_6M__) && !defined(__ARMEB__) && !defined(IOTSIGN_PORTABLE)

/* The sum of a column of 16-bit products, 2 * 256 of them at most. */
typedef struct {
    uint32_t low, high;
} sum_t;

/* sum += up[0] * down[0] + up[1] * down[-1] + …, count products */
static IOTSIGN_OUTLINE void sum_products(sum_t *sum, const uint16_t *up, const uint16_t *down, size_t count)
{
    uint32_t low = sum->low, high = sum->high;
    const uint16_t *end = up + count;
    uint32_t left, right, zero = 0u;

    for (; count % 4u != 0u; count--) {
        left = (uint32_t)*up++ * *down--;
        low += left;
        high += low < left;
    }
    if (count != 0u) {
        down -= 3;
        __asm__(".syntax unified\n"
                "1:\n\t"
                "ldrh %4, [%2, #0]\n\t"
                "ldrh %5, [%3, #6]\n\t"
                "muls %4, %5, %4\n\t"
                "adds %0, %0, %4\n\t"
                "adcs %1, %1, %6\n\t"
                "ldrh %4, [%2, #2]\n\t"
                "ldrh %5, [%3, #4]\n\t"
                "muls %4, %5, %4\n\t"
                "adds %0, %0, %4\n\t"
                "adcs %1, %1, %6\n\t"
                "ldrh %4, [%2, #4]\n\t"
                "ldrh %5, [%3, #2]\n\t"
                "muls %4, %5, %4\n\t"
                "adds %0, %0, %4\n\t"
                "adcs %1, %1, %6\n\t"
                "ldrh %4, [%2, #6]\n\t"
                "ldrh %5, [%3, #0]\n\t"
                "muls %4, %5, %4\n\t"
                "adds %0, %0, %4\n\t"
                "adcs %1, %1, %6\n\t"
                "subs %3, %3, #8\n\t"
                "adds %2, %2, #8\n\t"
                "cmp %2, %7\n\t"
                "bne 1b"
                : "+l"(low), "+l"(high), "+l"(up), "+l"(down), "=&l"(left), "=&l"(right)
                : "l"(zero), "h"(end)
                : "cc", "memory");
    }
    sum->low = low;
    sum->high = high;
}

static uint16_t sum_take(sum_t *sum)
{
    uint16_t limb = (uint16_t)(sum->low & 0xFFFFu);

    sum->low = sum->low >> 16 | sum->high << 16;
    sum->high >>= 16;
    return limb;
}

static uint16_t montgomery_multiply(uint16_t *r, const uint16_t *x, const uint16_t *y, const uint16_t *n, uint16_t inverse,
                                    size_t count)
{
    sum_t sum = {0u, 0u};

    /* the quotients lie in r until its limbs are known */
    for (size_t i = 0; i < count; i++) {
        sum_products(&sum, x, y + i, i + 1u);
        sum_products(&sum, r, n + i, i);
        r[i] = (uint16_t)(sum.low * inverse);
        sum_products(&sum, r + i, n, 1u);
        (void)sum_take(&sum);
    }
    for (size_t i = 1; i < count; i++) {
        sum_products(&sum, x + i, y + count - 1u, count - i);
        sum_products(&sum, r + i, n + count - 1u, count - i);
        r[i - 1u] = sum_take(&sum);
    }
    r[count - 1u] = sum_take(&sum);
    return sum_take(&sum);
}

#else

static IOTSIGN_WRAPS iotsign_limb_t montgomery_multiply(iotsign_limb_t *r, const iotsign_limb_t *x, const iotsign_limb_t *y,
                                                        const iotsign_limb_t *n, iotsign_limb_t inverse, size_t count)
{
    iotsign_limb_t top = 0u;

    memset(r, 0, count * sizeof *r);
    for (size_t i = 0; i < count; i++) {
        iotsign_limb_t carry_y, carry_n;
        iotsign_limb_t sum = iotsign_multiply_add(x[i], y[0], r[0], 0u, &carry_y);
        iotsign_limb_t quotient = (iotsign_limb_t)(sum * inverse);
        (void)iotsign_multiply_add(quotient, n[0], sum, 0u, &carry_n);
        for (size_t j = 1; j < count; j++) {
            sum = iotsign_multiply_add(x[i], y[j], r[j], carry_y, &carry_y);
            r[j - 1u] = iotsign_multiply_add(quotient, n[j], sum, carry_n, &carry_n);
        }
        r[count - 1u] = iotsign_multiply_add(1u, carry_y, carry_n, top, &top);
    }
    return top;
}

#endif

#endif
