/* What functions do with arguments that no image, key or signature can bring about, and what lies beside the line that
 * vectors take. Ends with 1 and says where something is not as the headers say.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "iotsign/hardened.h"

static int failures;

static void expect(iotsign_status_t status, iotsign_status_t expected, int line)
{
    if (status != expected) {
        fprintf(stderr, "line %d: expected %d, got %d\n", line, expected, status);
        failures++;
    }
}

#define EXPECT(status, expected) expect(status, expected, __LINE__)

static void no_init(iotsign_hash_context_t *context)
{
    (void)context;
}

static void no_update(iotsign_hash_context_t *context, const void *data, size_t length)
{
    (void)context;
    (void)data;
    (void)length;
}

static void no_finish(iotsign_hash_context_t *context, uint8_t *digest)
{
    (void)context;
    memset(digest, 0, 28);
}

static void test_rsa(void)
{
    static const iotsign_hash_class_t sha224 = {28, no_init, no_update, no_finish, NULL};
    static iotsign_rsa_work_t work;
    uint8_t modulus[513], signature[513], digest[64], *encoded;
    iotsign_rsa_key_t good = {modulus, 256, 65537}, key;
    iotsign_rsa_pss_t pss = {&iotsign_sha256_class, NULL, 32};

    memset(modulus, 0xC5, sizeof modulus);
    memset(signature, 0x11, sizeof signature);
    memset(digest, 0, sizeof digest);
    EXPECT(iotsign_rsa_recover(&good, signature, 256, &work, &encoded), IOTSIGN_OK);

    /* a key that iotsign_rsa_key_parse has not seen */
    for (size_t size = 0; size <= 513; size++) {
        key = good;
        key.size = size;
        if (size != 256 && size != 384 && size != 512) {
            EXPECT(iotsign_rsa_recover(&key, signature, size, &work, &encoded), IOTSIGN_ERROR_KEY);
        } else {
            EXPECT(iotsign_rsa_recover(&key, signature, size, &work, &encoded),
                   8 * size <= IOTSIGN_RSA_MAX_BITS ? IOTSIGN_OK : IOTSIGN_ERROR_KEY);
        }
    }
    key = good;
    key.exponent = 1;
    EXPECT(iotsign_rsa_recover(&key, signature, 256, &work, &encoded), IOTSIGN_ERROR_KEY);
    key.exponent = 65536;
    EXPECT(iotsign_rsa_recover(&key, signature, 256, &work, &encoded), IOTSIGN_ERROR_KEY);
    modulus[0] = 0x7F;
    EXPECT(iotsign_rsa_recover(&good, signature, 256, &work, &encoded), IOTSIGN_ERROR_KEY);
    modulus[0] = 0xC5;
    modulus[255] = 0xC4;
    EXPECT(iotsign_rsa_recover(&good, signature, 256, &work, &encoded), IOTSIGN_ERROR_KEY);
    modulus[255] = 0xC5;

    /* representatives that are not below the modulus */
    EXPECT(iotsign_rsa_recover(&good, modulus, 256, &work, &encoded), IOTSIGN_ERROR_MALFORMED);
    EXPECT(iotsign_rsa_recover(&good, signature, 255, &work, &encoded), IOTSIGN_ERROR_MALFORMED);

    EXPECT(iotsign_rsa_pkcs1_verify(&good, &sha224, digest, 28, signature, 256, &work), IOTSIGN_ERROR_UNSUPPORTED);
    EXPECT(iotsign_rsa_pkcs1_verify(&good, &sha224, digest, 27, signature, 256, &work), IOTSIGN_ERROR_ARGUMENT);

    /* salts up to what fits: 256 - 32 - 2 */
    pss.salt_length = 222;
    EXPECT(iotsign_rsa_pss_verify(&good, &pss, digest, 32, signature, 256, &work), IOTSIGN_ERROR_SIGNATURE);
    pss.salt_length = 223;
    EXPECT(iotsign_rsa_pss_verify(&good, &pss, digest, 32, signature, 256, &work), IOTSIGN_ERROR_ARGUMENT);
    pss.salt_length = 257;
    EXPECT(iotsign_rsa_pss_verify(&good, &pss, digest, 32, signature, 256, &work), IOTSIGN_ERROR_ARGUMENT);
    pss.salt_length = (size_t)-1;
    EXPECT(iotsign_rsa_pss_verify(&good, &pss, digest, 32, signature, 256, &work), IOTSIGN_ERROR_ARGUMENT);
}

static void test_judges(void)
{
    static iotsign_rsa_work_t rsa;
    static iotsign_ed25519_t ed25519;
    const uint8_t key[97] = {4}, digest[64] = {0}, signature[512] = {0};

    EXPECT(iotsign_p256_judge(&iotsign_sha256_class, key, 64, digest, signature, 70, NULL), IOTSIGN_ERROR_KEY);
    EXPECT(iotsign_p384_judge(&iotsign_sha384_class, key, 96, digest, signature, 70, NULL), IOTSIGN_ERROR_KEY);
    EXPECT(iotsign_ed25519_judge(&iotsign_sha512_class, key, 31, digest, signature, 64, &ed25519), IOTSIGN_ERROR_KEY);
    EXPECT(iotsign_ed25519_judge(&iotsign_sha512_class, key, 32, digest, signature, 63, &ed25519), IOTSIGN_ERROR_MALFORMED);
    EXPECT(iotsign_rsa_pkcs1_judge(&iotsign_sha256_class, key, 9, digest, signature, 256, &rsa), IOTSIGN_ERROR_MALFORMED);
    EXPECT(iotsign_rsa_pss_judge(&iotsign_sha256_class, key, 9, digest, signature, 256, &rsa), IOTSIGN_ERROR_MALFORMED);
}

static void test_regions(void)
{
    static uint8_t bytes[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    const iotsign_region_t region = {iotsign_memory_read, bytes, sizeof bytes};
    uint8_t buffer[8];

    EXPECT(iotsign_region_read(&region, 3, buffer, 5), IOTSIGN_OK);
    if (memcmp(buffer, bytes + 3, 5) != 0) {
        failures++;
    }
    EXPECT(iotsign_region_read(&region, 8, buffer, 0), IOTSIGN_OK);
    EXPECT(iotsign_region_read(&region, 3, buffer, 6), IOTSIGN_ERROR_MALFORMED);
    EXPECT(iotsign_region_read(&region, 9, buffer, 0), IOTSIGN_ERROR_MALFORMED);
    EXPECT(iotsign_region_read(&region, 0xFFFFFFFFu, buffer, 2), IOTSIGN_ERROR_MALFORMED);
    EXPECT(iotsign_region_read(&region, 0, buffer, (size_t)-1), IOTSIGN_ERROR_MALFORMED);
}

static void test_verdicts(void)
{
    for (unsigned bit = 0; bit < 32; bit++) {
        if (iotsign_verdict_is_trusted(IOTSIGN_TRUSTED ^ 1u << bit)) {
            failures++;
        }
    }
    if (!iotsign_verdict_is_trusted(IOTSIGN_TRUSTED) || iotsign_verdict_is_trusted(0)) {
        failures++;
    }
}

static int is_sound_with(const iotsign_sha256_twice_t *context, uint32_t length, uint32_t turns, uint32_t second)
{
    iotsign_sha256_twice_t changed = *context;
    changed.turns += turns;
    changed.second.length += second;
    return iotsign_sha256_twice_is_sound(&changed, length);
}

static void test_two_readings(void)
{
    uint8_t message[300], again[300], digest[32], expected[32];
    iotsign_sha256_twice_t context;
    iotsign_sha256_t once;

    memset(message, 0x5A, sizeof message);
    memcpy(again, message, sizeof again);
    for (uint32_t length = 0; length <= sizeof message; length++) {
        iotsign_sha256_init(&once);
        iotsign_sha256_update(&once, message, length);
        iotsign_sha256_finish(&once, expected);
        iotsign_sha256_twice_init(&context);
        iotsign_sha256_twice_update(&context, message, again, length / 3);
        iotsign_sha256_twice_update(&context, message + length / 3, again + length / 3, length - length / 3);
        iotsign_sha256_twice_finish(&context, digest);
        if (memcmp(digest, expected, sizeof digest) != 0 || !is_sound_with(&context, length, 0, 0) ||
            is_sound_with(&context, length + 1, 0, 0) || is_sound_with(&context, length, 1, 0) ||
            is_sound_with(&context, length, 0, 64)) {
            failures++;
        }
        if (length > 0) {
            again[length - 1] ^= 1;
            iotsign_sha256_twice_init(&context);
            iotsign_sha256_twice_update(&context, message, again, length);
            iotsign_sha256_twice_finish(&context, digest);
            if (iotsign_sha256_twice_is_sound(&context, length)) {
                failures++;
            }
            again[length - 1] ^= 1;
        }
    }
}

int main(void)
{
    test_two_readings();
    test_rsa();
    test_judges();
    test_regions();
    test_verdicts();
    return failures != 0;
}
