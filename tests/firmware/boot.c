/* A boot loader's decision and nothing else, for the instruction skip test: it begins at decide() and ends in accept() or
 * refuse().
 * SPDX-License-Identifier: Apache-2.0 */
#include "boot_image.h" /* the test's: image[], trusted_key[] and signature[] */
#include "iotsign/hardened.h"

#define NEVER_INLINE __attribute__((noinline, used))

static volatile unsigned released; /* so that the compiler does not know that the two never return */

NEVER_INLINE void accept(void);
NEVER_INLINE void accept(void)
{
    while (!released) {
    }
}

NEVER_INLINE void refuse(void);
NEVER_INLINE void refuse(void)
{
    while (!released) {
    }
}

NEVER_INLINE void decide(void);
NEVER_INLINE void decide(void)
{
    static const iotsign_verifier_t verifiers[] = {IOTSIGN_VERIFIER_P256(iotsign_sha256_class)};
    static uint8_t buffer[IOTSIGN_MCUBOOT_BUFFER_SIZE];
    const iotsign_region_t region = {iotsign_memory_read, (void *)(uintptr_t)image, sizeof image};
    const iotsign_scratch_t scratch = {buffer, sizeof buffer, NULL, 0};
    volatile uint32_t verdict = 0;
#if defined(DETACHED)
    const iotsign_detached_t claim = {&region, 0, sizeof image, verifiers, trusted_key, sizeof trusted_key,
                                      signature, sizeof signature};

    verdict = iotsign_detached_verify_hardened(&claim, &scratch);
#else
    static const iotsign_trust_anchor_t anchors[] = {{IOTSIGN_ANCHOR_KEY, trusted_key, sizeof trusted_key}};
    static const iotsign_mcuboot_policy_t policy = {verifiers, 1, anchors, 1, 0};
    iotsign_mcuboot_image_t found;

    verdict = iotsign_mcuboot_verify_hardened(&region, &policy, &scratch, &found);
#endif
#if !defined(SINGLE_CHECK) /* to see that the test can fail */
    if (!iotsign_verdict_is_trusted(verdict)) {
        refuse();
    }
#endif
    if (verdict != IOTSIGN_TRUSTED) {
        refuse();
    }
    accept();
}

#if defined(BELIEVE) /* with -Wl,--wrap=iotsign_sha256_twice_is_sound: to see that the test can fail */
int __wrap_iotsign_sha256_twice_is_sound(const iotsign_sha256_twice_t *context, uint32_t length);
int __wrap_iotsign_sha256_twice_is_sound(const iotsign_sha256_twice_t *context, uint32_t length)
{
    (void)context;
    (void)length;
    return 1;
}
#endif

int main(void)
{
    decide();
    return 0;
}
