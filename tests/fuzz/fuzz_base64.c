/* Any bytes as base64, and as bytes to encode: every SIMD path gives what portable code gives, what is accepted encodes
 * back to itself, and what was encoded is accepted.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "iotsign/base64.h"

#include "../../iotsign/core/host/cpu.h"

#define MAX_SIZE 200 /* three rounds of the widest path, and a rest */

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            abort(); \
        } \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In memory of exactly its size, so that the sanitizer sees a path that reads beyond it. */
static void *copy_of(const void *data, size_t size)
{
    void *copy = malloc(size + (size == 0));
    CHECK(copy != NULL);
    memcpy(copy, data, size);
    return copy;
}

/* What portable code makes of a text. */
typedef struct {
    iotsign_status_t status;
    uint8_t bytes[MAX_SIZE];
    size_t written;
} decoded_t;

static decoded_t decode_portably(const char *text, size_t size)
{
    decoded_t expected;

    (void)iotsign_cpu_select(0);
    expected.status = iotsign_base64_decode(text, size, expected.bytes, sizeof expected.bytes, &expected.written);
    CHECK(expected.status == IOTSIGN_OK || (expected.status == IOTSIGN_ERROR_MALFORMED && expected.written <= size));
    return expected;
}

static void check_decode(const char *text, size_t size, unsigned features, const decoded_t *expected)
{
    size_t written, encoded;

    uint8_t *decoded = malloc(IOTSIGN_BASE64_DECODED_MAX(size) + 1);
    CHECK(decoded != NULL);
    (void)iotsign_cpu_select(features);
    CHECK(iotsign_base64_decode(text, size, decoded, IOTSIGN_BASE64_DECODED_MAX(size), &written) == expected->status);
    CHECK(written == expected->written);
    if (expected->status == IOTSIGN_OK) {
        char *again = malloc(size + 1);
        CHECK(again != NULL && memcmp(decoded, expected->bytes, written) == 0);
        CHECK(iotsign_base64_encode(decoded, written, again, size, &encoded) == IOTSIGN_OK);
        CHECK(encoded == size && memcmp(again, text, size) == 0);
        free(again);
    }
    free(decoded);
}

static void check_encode(const uint8_t *data, size_t size, unsigned features)
{
    uint8_t decoded[MAX_SIZE];
    const size_t capacity = IOTSIGN_BASE64_ENCODED_SIZE(size);
    char *text = malloc(capacity + 1);
    size_t encoded, written;

    CHECK(text != NULL);
    (void)iotsign_cpu_select(features);
    CHECK(iotsign_base64_encode(data, size, text, capacity, &encoded) == IOTSIGN_OK && encoded == capacity);
    (void)iotsign_cpu_select(0);
    CHECK(iotsign_base64_decode(text, encoded, decoded, sizeof decoded, &written) == IOTSIGN_OK);
    CHECK(written == size && memcmp(decoded, data, size) == 0);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned all = iotsign_cpu_features() & (IOTSIGN_CPU_X86_AVX2 | IOTSIGN_CPU_X86_VBMI | IOTSIGN_CPU_ARM_NEON);

    size = size < MAX_SIZE ? size : MAX_SIZE;
    uint8_t *copy = copy_of(data, size);
    const decoded_t expected = decode_portably((const char *)copy, size);
    for (unsigned feature = 1; feature != 0 && feature <= all; feature <<= 1) {
        if ((all & feature) != 0) {
            check_decode((const char *)copy, size, feature, &expected);
            if (size % 8 == 7) { /* enough for encoding, which hardly branches */
                check_encode(copy, size, feature);
            }
        }
    }
    if (all == 0) {
        check_decode((const char *)copy, size, 0, &expected);
    }
    free(copy);
    return 0;
}
