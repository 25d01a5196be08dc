/* Any bytes as a JSONEmbedded object. What is accepted must encode back to itself: the payload written out has the stated
 * size and digest, and its base64 stands in the input where the result says.
 *
 * Two descriptors are files in memory, for the linker puts __wrap_read for read and so on: the kernel is not what is
 * tried, and would take most of the time. Each transfer may be short or interrupted, as the size of the input decides.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "iotsign/base64.h"

#include "../../iotsign/core/host/embedded.h"

#define CHECK(condition) \
    do {                 \
        if (!(condition)) { \
            abort();     \
        }                \
    } while (0)

#define MAX_SIZE 65536
#define INPUT 1000
#define OUTPUT 1001

typedef struct {
    uint8_t bytes[MAX_SIZE];
    size_t size, offset;
} memory_t;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
ssize_t __real_read(int descriptor, void *data, size_t length);
ssize_t __wrap_read(int descriptor, void *data, size_t length);
ssize_t __real_write(int descriptor, const void *data, size_t length);
ssize_t __wrap_write(int descriptor, const void *data, size_t length);
off_t __real_lseek64(int descriptor, off_t offset, int whence);
off_t __wrap_lseek64(int descriptor, off_t offset, int whence);
int __real_fstat64(int descriptor, struct stat *status);
int __wrap_fstat64(int descriptor, struct stat *status);

static memory_t input, output;
static unsigned transfers; /* so far, counted on from the size of the input */

/* Of length bytes, how many this transfer moves; 0: it is interrupted. */
static size_t transferred(size_t length)
{
    transfers++;
    return transfers % 8 == 0 ? 0 : transfers % 8 == 1 && length > 1 ? length / 2 : length;
}

ssize_t __wrap_read(int descriptor, void *data, size_t length)
{
    if (descriptor != INPUT) {
        return __real_read(descriptor, data, length);
    }
    const size_t left = input.size - input.offset;
    const size_t count = transferred(length < left ? length : left);
    if (count == 0 && left != 0) {
        errno = EINTR;
        return -1;
    }
    memcpy(data, input.bytes + input.offset, count);
    input.offset += count;
    return (ssize_t)count;
}

ssize_t __wrap_write(int descriptor, const void *data, size_t length)
{
    if (descriptor != OUTPUT) {
        return __real_write(descriptor, data, length);
    }
    const size_t count = transferred(length);
    if (count == 0) {
        errno = EINTR;
        return -1;
    }
    CHECK(count <= MAX_SIZE - output.size);
    memcpy(output.bytes + output.size, data, count);
    output.size += count;
    return (ssize_t)count;
}

off_t __wrap_lseek64(int descriptor, off_t offset, int whence)
{
    if (descriptor != INPUT && descriptor != OUTPUT) {
        return __real_lseek64(descriptor, offset, whence);
    }
    CHECK(offset == 0 && whence == SEEK_CUR);
    return 0;
}

int __wrap_fstat64(int descriptor, struct stat *status)
{
    if (descriptor != INPUT && descriptor != OUTPUT) {
        return __real_fstat64(descriptor, status);
    }
    *status = (struct stat){.st_mode = S_IFREG, .st_size = descriptor == INPUT ? (off_t)input.size : 0};
    return 0;
}

static const iotsign_hash_class_t *choose(void *context, const char *algorithm)
{
    (void)context;
    for (const char *character = algorithm; *character != '\0'; character++) {
        CHECK(*character >= ' ' && *character <= '~');
    }
    return algorithm[0] == 'S' ? &iotsign_sha256_class : algorithm[0] == 'T' ? &iotsign_sha1_class : NULL;
}

static void check(const uint8_t *data, size_t size, const iotsign_embedded_t *result)
{
    iotsign_hash_context_t context;
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE];
    size_t length = (size_t)result->raw_payload_size, written = 0;

    CHECK(length <= size && result->payload_offset + result->payload_length <= size);
    char *text = malloc(IOTSIGN_BASE64_ENCODED_SIZE(length) + 1);
    CHECK(text != NULL && output.size == length);
    CHECK(iotsign_base64_encode(output.bytes, length, text, IOTSIGN_BASE64_ENCODED_SIZE(length), &written) == IOTSIGN_OK);
    CHECK(written == result->payload_length && memcmp(text, data + result->payload_offset, written) == 0);

    const iotsign_hash_class_t *hash = choose(NULL, result->algorithm);
    CHECK(hash != NULL && hash->digest_size == result->digest_length);
    hash->init(&context);
    hash->update(&context, output.bytes, length);
    hash->finish(&context, digest);
    CHECK(memcmp(digest, result->digest, result->digest_length) == 0);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const iotsign_hash_chooser_t chooser = {.choose = choose};
    static const iotsign_progress_t quiet = {0};
    iotsign_file_t from, to;
    iotsign_embedded_t result;
    iotsign_fault_t fault = {0};

    if (size > MAX_SIZE) {
        return 0;
    }
    memcpy(input.bytes, data, size);
    input.size = size;
    input.offset = output.size = 0;
    transfers = (unsigned)size;
    CHECK(iotsign_file_open(&from, INPUT, &fault) == IOTSIGN_OK && iotsign_file_open(&to, OUTPUT, &fault) == IOTSIGN_OK);

    switch (iotsign_embedded_read(&from, &to, &chooser, &quiet, &result, &fault)) {
    case IOTSIGN_OK:
        check(data, size, &result);
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
