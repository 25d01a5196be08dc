/* What the compiler offers beyond C99, with a plain meaning where it does not.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_COMPILER_H
#define IOTSIGN_COMPILER_H

/* Unsigned arithmetic in this function wraps on purpose: clang's -fsanitize=integer need not report it. */
#if defined(__clang__)
#define IOTSIGN_WRAPS __attribute__((no_sanitize("unsigned-integer-overflow", "unsigned-shift-base")))
#else
#define IOTSIGN_WRAPS
#endif

/* Part of the calling function at any level of optimisation, and never part of it. */
#if defined(__GNUC__)
#define IOTSIGN_INLINE inline __attribute__((always_inline))
#define IOTSIGN_OUTLINE __attribute__((noinline))
#else
#define IOTSIGN_INLINE inline
#define IOTSIGN_OUTLINE
#endif

/* The loop that follows, of at most 16 turns, is laid out in a row. */
#if defined(__clang__)
#define IOTSIGN_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define IOTSIGN_UNROLL _Pragma("GCC unroll 16")
#else
#define IOTSIGN_UNROLL
#endif

#endif
