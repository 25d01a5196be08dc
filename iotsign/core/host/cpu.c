/* Asks the CPU, once, what it can do.
 * SPDX-License-Identifier: Apache-2.0 */
#include "cpu.h"

#if defined(IOTSIGN_PATHS_X86)
#include <cpuid.h>

#define XCR0_AVX 0x06u    /* the operating system saves XMM and YMM */
#define XCR0_AVX512 0xE6u /* and the mask registers and ZMM */

static unsigned detect(void)
{
    const unsigned ssse3 = 1u << 9, sse41 = 1u << 19, osxsave = 1u << 27;                        /* leaf 1, ecx */
    const unsigned bmi1 = 1u << 3, avx2 = 1u << 5, bmi2 = 1u << 8, sha = 1u << 29;               /* leaf 7, ebx */
    const unsigned avx512 = 1u << 16 /* F */ | 1u << 30 /* BW */ | 1u << 31 /* VL */, vbmi = 1u << 1; /* leaf 7, ebx; ecx */
    unsigned eax, ebx, ecx, edx, ecx1, xcr0 = 0, features = 0;

    if (!__get_cpuid(1, &eax, &ebx, &ecx1, &edx) || !__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) {
        return 0;
    }
    if ((ecx1 & osxsave) != 0) {
        unsigned high;
        __asm__("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
    }
    if ((ebx & sha) != 0 && (ecx1 & ssse3) != 0 && (ecx1 & sse41) != 0) {
        features |= IOTSIGN_CPU_X86_SHA;
    }
    if ((xcr0 & XCR0_AVX) == XCR0_AVX && (ebx & avx2) != 0 && (ebx & bmi1) != 0 && (ebx & bmi2) != 0) {
        features |= IOTSIGN_CPU_X86_AVX2;
        if ((xcr0 & XCR0_AVX512) == XCR0_AVX512 && (ebx & avx512) == avx512) {
            features |= IOTSIGN_CPU_X86_AVX512;
            if ((ecx & vbmi) != 0) {
                features |= IOTSIGN_CPU_X86_VBMI;
            }
        }
    }
    return features;
}

#elif defined(IOTSIGN_PATHS_ARM)
#include <sys/auxv.h>

static unsigned detect(void)
{
    const unsigned long asimd = 1ul << 1, sha1 = 1ul << 5, sha2 = 1ul << 6, sha512 = 1ul << 21; /* AT_HWCAP */
    unsigned long capabilities = getauxval(AT_HWCAP);

    return ((capabilities & asimd) != 0 ? IOTSIGN_CPU_ARM_NEON : 0) |
           ((capabilities & sha1) != 0 ? IOTSIGN_CPU_ARM_SHA1 : 0) |
           ((capabilities & sha2) != 0 ? IOTSIGN_CPU_ARM_SHA256 : 0) |
           ((capabilities & sha512) != 0 ? IOTSIGN_CPU_ARM_SHA512 : 0);
}

#else

static unsigned detect(void)
{
    return 0;
}

#endif

#define KNOWN (1u << 31) /* set once the value beside it is valid */

static unsigned detected, selected; /* accessed atomically; every writer of detected writes the same value */

unsigned iotsign_cpu_features(void)
{
    unsigned features = __atomic_load_n(&detected, __ATOMIC_RELAXED);
    if (features == 0) {
        features = detect() | KNOWN;
        __atomic_store_n(&detected, features, __ATOMIC_RELAXED);
    }
    return features & ~KNOWN;
}

unsigned iotsign_cpu_select(unsigned features)
{
    features &= iotsign_cpu_features();
    __atomic_store_n(&selected, features | KNOWN, __ATOMIC_RELAXED);
    return features;
}

unsigned iotsign_cpu_selected(void)
{
    unsigned features = __atomic_load_n(&selected, __ATOMIC_RELAXED);
    return features != 0 ? features & ~KNOWN : iotsign_cpu_features();
}
