/* Which SIMD paths the host build uses. Nothing here exists on a device.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_CPU_H
#define IOTSIGN_CPU_H

#define IOTSIGN_CPU_X86_SHA (1u << 0)    /* SHA extensions, SSSE3, SSE4.1: SHA-1, SHA-256 */
#define IOTSIGN_CPU_X86_AVX2 (1u << 1)   /* AVX2, BMI1, BMI2: SHA-512, base64, sha256_many in 8 lanes */
#define IOTSIGN_CPU_X86_AVX512 (1u << 2) /* AVX-512 F, BW, VL: SHA-512, sha256_many in 16 lanes */
#define IOTSIGN_CPU_X86_VBMI (1u << 3)   /* AVX-512 VBMI on top of it: base64 */
#define IOTSIGN_CPU_ARM_NEON (1u << 4)   /* AArch64 Advanced SIMD: base64 */
#define IOTSIGN_CPU_ARM_SHA1 (1u << 5)   /* ARMv8.0 FEAT_SHA1 */
#define IOTSIGN_CPU_ARM_SHA256 (1u << 6) /* ARMv8.0 FEAT_SHA256 */
#define IOTSIGN_CPU_ARM_SHA512 (1u << 7) /* ARMv8.2 FEAT_SHA512 */

/* The features of this CPU and operating system that the core knows how to use; 0 means portable code alone. */
unsigned iotsign_cpu_features(void);

/* Restricts the whole process to the given features, for tests and measurements; bits that this CPU lacks are ignored.
 * Returns what is now in use. Results never depend on it. Takes effect with the next call of any function. */
unsigned iotsign_cpu_select(unsigned features);

/* What is in use: iotsign_cpu_features() unless iotsign_cpu_select() restricted it. */
unsigned iotsign_cpu_selected(void);

#endif
