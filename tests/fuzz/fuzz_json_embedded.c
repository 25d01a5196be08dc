/* Any bytes as a JSONEmbedded object. What is accepted must encode back to itself: the payload written out has the stated
 * size and digest, and its base64 stands in the input where the result says.
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "iotsign/base64.h"

#include "../../iotsign/core/host/embedded.h"

#define CHECK(condition) \
    do {                 \
        if (!(condition)) { \
            abort();     \
        }                \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const iotsign_hash_class_t *choose(void *context, const char *algorithm)
{
    (void)context;
    for (const char *character = algorithm; *character != '\0'; character++) {
        CHECK(*character >= ' ' && *character <= '~');
    }
    return algorithm[0] == 'S' ? &iotsign_sha256_class : algorithm[0] == 'T' ? &iotsign_sha1_class : NULL;
}

static void check(const uint8_t *data, size_t size, const iotsign_embedded_t *result, int output)
{
    iotsign_hash_context_t context;
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE];
    size_t length = (size_t)result->raw_payload_size, written = 0;

    CHECK(length <= size && result->payload_offset + result->payload_length <= size);
    uint8_t *payload = malloc(length + 1);
    char *text = malloc(IOTSIGN_BASE64_ENCODED_SIZE(length) + 1);
    CHECK(payload != NULL && text != NULL && pread(output, payload, length, 0) == (ssize_t)length);
    CHECK(lseek(output, 0, SEEK_CUR) == (off_t)length);
    CHECK(iotsign_base64_encode(payload, length, text, IOTSIGN_BASE64_ENCODED_SIZE(length), &written) == IOTSIGN_OK);
    CHECK(written == result->payload_length && memcmp(text, data + result->payload_offset, written) == 0);

    const iotsign_hash_class_t *hash = choose(NULL, result->algorithm);
    CHECK(hash != NULL && hash->digest_size == result->digest_length);
    hash->init(&context);
    hash->update(&context, payload, length);
    hash->finish(&context, digest);
    CHECK(memcmp(digest, result->digest, result->digest_length) == 0);
    free(payload);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int input = -1, output = -1;
    static size_t held = 0; /* bytes of the input file; what the output file holds beyond its offset is from before */
    static const iotsign_hash_chooser_t chooser = {.choose = choose};
    static const iotsign_progress_t quiet = {0};
    iotsign_file_t from, to;
    iotsign_embedded_t result;
    iotsign_fault_t fault = {0};

    if (input < 0) {
        input = memfd_create("input", 0);
        output = memfd_create("output", 0);
    }
    CHECK(pwrite(input, data, size, 0) == (ssize_t)size && (held <= size || ftruncate(input, (off_t)size) == 0));
    held = size;
    CHECK(lseek(input, 0, SEEK_SET) == 0 && lseek(output, 0, SEEK_SET) == 0);
    CHECK(iotsign_file_open(&from, input, &fault) == IOTSIGN_OK && iotsign_file_open(&to, output, &fault) == IOTSIGN_OK);

    switch (iotsign_embedded_read(&from, &to, &chooser, &quiet, &result, &fault)) {
    case IOTSIGN_OK:
        check(data, size, &result, output);
        break;
    case IOTSIGN_ERROR_MALFORMED:
        CHECK(fault.code != NULL && fault.offset <= size && strlen(fault.message) > 10);
        break;
    case IOTSIGN_ERROR_INTERRUPTED: /* choose said no */
        break;
    default:
        abort();
    }
    return 0;
}
