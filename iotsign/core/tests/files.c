/* The file pipelines from C, so that sanitizers see them: sizes around each boundary, every truncation, random damage, stop
 * requests at any time, several at once. Prints what failed and exits with 1 then.
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "iotsign/base64.h"

#include "../host/embedded.h"
#include "../host/pipeline.h"

#define BLOCK IOTSIGN_RING_BLOCK_SIZE

static int failures;

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            (void)printf("%s:%d: %s is false\n", __FILE__, __LINE__, #condition); \
            failures++;                                                           \
        }                                                                         \
    } while (0)

static uint32_t random_state = 1;

static uint32_t next_random(void)
{
    random_state = (uint32_t)((uint64_t)random_state * 48271u % 2147483647u);
    return random_state;
}

static int temporary_file(void)
{
    char path[] = "/tmp/iotsign-files-XXXXXX";
    int descriptor = mkstemp(path);

    CHECK(descriptor >= 0 && unlink(path) == 0);
    return descriptor;
}

static int file_of(const void *data, size_t length)
{
    int descriptor = temporary_file();

    CHECK(pwrite(descriptor, data, length, 0) == (ssize_t)length);
    return descriptor;
}

/* A pipe that holds at most 64 KiB. */
static int pipe_of(const void *data, size_t length)
{
    int ends[2];

    CHECK(pipe(ends) == 0 && write(ends[1], data, length) == (ssize_t)length && close(ends[1]) == 0);
    return ends[0];
}

/* Stops when it is called for the n-th time. */
static int stop_at(void *context, uint64_t done)
{
    int *calls_left = context;

    (void)done;
    return --*calls_left == 0;
}

static const iotsign_hash_class_t *choose(void *context, const char *algorithm)
{
    (void)context;
    return strcmp(algorithm, "SHA256withECDSA") == 0 ? &iotsign_sha256_class : NULL;
}

static const iotsign_hash_chooser_t chooser = {.choose = choose};
static const iotsign_progress_t quiet = {0};

static iotsign_status_t read_image(int descriptor, int output, iotsign_embedded_t *result, iotsign_fault_t *fault)
{
    iotsign_file_t from, to;

    CHECK(iotsign_file_open(&from, descriptor, fault) == IOTSIGN_OK);
    CHECK(output < 0 || iotsign_file_open(&to, output, fault) == IOTSIGN_OK);
    return iotsign_embedded_read(&from, output < 0 ? NULL : &to, &chooser, &quiet, result, fault);
}

/* Packs size bytes as the command line does and reads them back. */
static void round_trip(size_t size)
{
    static const char head[] = "{\"signature\":\"AAAA\",\"signatureAlgorithm\":\"SHA256withECDSA\",\"payload\":\"";
    char tail[64];
    iotsign_hash_context_t context;
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE];
    iotsign_file_t input, output;
    iotsign_hashed_t hashed, packed;
    iotsign_embedded_t result;
    iotsign_fault_t fault = {0};

    uint8_t *data = malloc(size + 1), *back = malloc(size + 1);
    CHECK(data != NULL && back != NULL);
    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)(next_random() >> 8 & 0xFF);
    }
    iotsign_sha256_class.init(&context);
    iotsign_sha256_class.update(&context, data, size);
    iotsign_sha256_class.finish(&context, digest);

    int raw = file_of(data, size), image = file_of(head, sizeof head - 1), payload = temporary_file();
    CHECK(iotsign_file_open_at(&input, raw, 0, &fault) == IOTSIGN_OK);
    CHECK(iotsign_pipeline_hash(&input, NULL, &iotsign_sha256_class, &quiet, &hashed, &fault) == IOTSIGN_OK);
    CHECK(hashed.size == size && memcmp(hashed.digest, digest, sizeof hashed.digest / 2) == 0);

    CHECK(iotsign_file_open(&input, raw, &fault) == IOTSIGN_OK);
    CHECK(iotsign_file_open_at(&output, image, sizeof head - 1, &fault) == IOTSIGN_OK);
    CHECK(iotsign_pipeline_encode(&input, &output, &iotsign_sha256_class, &quiet, &packed, &fault) == IOTSIGN_OK);
    CHECK(packed.size == size && memcmp(packed.digest, digest, sizeof packed.digest / 2) == 0);
    int length = snprintf(tail, sizeof tail, "\",\"rawPayloadSize\":%zu}", size);
    CHECK(pwrite(image, tail, (size_t)length, (off_t)output.position) == length);

    CHECK(lseek(image, 0, SEEK_SET) == 0);
    CHECK(read_image(image, payload, &result, &fault) == IOTSIGN_OK);
    CHECK(result.raw_payload_size == size && result.payload_offset == sizeof head - 1);
    CHECK(result.digest_length == 32 && memcmp(result.digest, digest, 32) == 0);
    CHECK(pread(payload, back, size + 1, 0) == (ssize_t)size && memcmp(back, data, size) == 0);

    uint64_t end = output.position + (uint64_t)length;
    CHECK(iotsign_pipeline_shift(image, 0, end, 1000, &quiet, &fault) == IOTSIGN_OK);
    CHECK(iotsign_pipeline_shift(image, 1000, end + 1000, -500, &quiet, &fault) == IOTSIGN_OK);
    CHECK(lseek(image, 500, SEEK_SET) == 500 && ftruncate(image, (off_t)end + 500) == 0);
    CHECK(read_image(image, -1, &result, &fault) == IOTSIGN_OK && memcmp(result.digest, digest, 32) == 0);

    (void)close(raw);
    (void)close(image);
    (void)close(payload);
    free(data);
    free(back);
}

static const char small[] = "{\"rawPayloadSize\":7,\"signature\":\"MEUCIQ==\",\"signatureAlgorithm\":\"SHA256withECDSA\","
                            "\"payload\":\"AAECAwQFBg==\"}";

static void each_truncation(void)
{
    iotsign_embedded_t result;
    iotsign_fault_t fault = {0};

    for (size_t length = 0; length < sizeof small; length++) {
        iotsign_status_t expected = length == sizeof small - 1 ? IOTSIGN_OK : IOTSIGN_ERROR_MALFORMED;
        int file = file_of(small, length), stream = pipe_of(small, length);
        CHECK(read_image(file, -1, &result, &fault) == expected);
        CHECK(expected == IOTSIGN_OK || fault.offset == length);
        CHECK(read_image(stream, -1, &result, &fault) == expected);
        (void)close(file);
        (void)close(stream);
    }
}

static void random_damage(void)
{
    iotsign_embedded_t result;
    iotsign_fault_t fault = {0};
    char damaged[sizeof small];

    for (unsigned turn = 0; turn < 3000; turn++) {
        memcpy(damaged, small, sizeof small);
        for (unsigned i = 0; i <= turn % 3; i++) {
            damaged[next_random() % (sizeof small - 1)] = small[next_random() % (sizeof small - 1)];
        }
        int file = file_of(damaged, sizeof small - 1);
        iotsign_status_t status = read_image(file, -1, &result, &fault);
        CHECK(status == IOTSIGN_OK || status == IOTSIGN_ERROR_MALFORMED || status == IOTSIGN_ERROR_INTERRUPTED);
        (void)close(file);
    }
}

static void stop_requests(void)
{
    iotsign_file_t input, output;
    iotsign_hashed_t hashed;
    iotsign_fault_t fault = {0};
    int ends[2], calls_left = 1;
    iotsign_progress_t progress = {.report = stop_at, .context = &calls_left};

    CHECK(pipe(ends) == 0);
    CHECK(iotsign_file_open(&input, ends[0], &fault) == IOTSIGN_OK);
    CHECK(iotsign_pipeline_hash(&input, NULL, &iotsign_sha256_class, &progress, &hashed, &fault) ==
          IOTSIGN_ERROR_INTERRUPTED);

    int huge = temporary_file(), null = open("/dev/null", O_WRONLY);
    CHECK(ftruncate(huge, (off_t)1 << 40) == 0);
    for (int calls = 1; calls < 4; calls++) {
        calls_left = calls;
        CHECK(iotsign_file_open_at(&input, huge, 0, &fault) == IOTSIGN_OK);
        CHECK(iotsign_file_open(&output, null, &fault) == IOTSIGN_OK);
        CHECK(iotsign_pipeline_encode(&input, &output, &iotsign_sha1_class, &progress, &hashed, &fault) ==
              IOTSIGN_ERROR_INTERRUPTED);
    }
    (void)close(huge);
    (void)close(null);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void failing_system_calls(void)
{
    iotsign_file_t input, output;
    iotsign_hashed_t hashed;
    iotsign_fault_t fault = {0};

    CHECK(iotsign_file_open(&input, -1, &fault) == IOTSIGN_ERROR_IO && fault.error_number == EBADF);
    int zero = open("/dev/zero", O_RDONLY), full = open("/dev/full", O_WRONLY);
    CHECK(iotsign_file_open(&input, zero, &fault) == IOTSIGN_OK);
    CHECK(iotsign_file_open_at(&output, full, 0, &fault) == IOTSIGN_OK);
    CHECK(iotsign_pipeline_encode(&input, &output, &iotsign_sha1_class, &quiet, &hashed, &fault) == IOTSIGN_ERROR_IO);
    CHECK(fault.error_number == ENOSPC && strstr(fault.message, "No space left on device") != NULL);
    (void)close(zero);
    (void)close(full);
}

static void *work(void *ignored)
{
    iotsign_file_t input;
    iotsign_hashed_t hashed;
    iotsign_fault_t fault = {0};

    int file = temporary_file();
    CHECK(ftruncate(file, 7 * (off_t)BLOCK) == 0);
    CHECK(iotsign_file_open(&input, file, &fault) == IOTSIGN_OK);
    CHECK(iotsign_pipeline_hash(&input, NULL, &iotsign_sha512_class, &quiet, &hashed, &fault) == IOTSIGN_OK);
    (void)close(file);
    return ignored;
}

static void several_at_once(void)
{
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++) {
        CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0);
    }
    for (size_t i = 0; i < 4; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
}

int main(void)
{
    static const size_t sizes[] = {0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 4 * BLOCK, 9 * BLOCK + 2};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        round_trip(sizes[i]);
    }
    each_truncation();
    random_damage();
    stop_requests();
    failing_system_calls();
    several_at_once();
    return failures != 0;
}
