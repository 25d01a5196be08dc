/* SPDX-License-Identifier: Apache-2.0 */
#include "payloads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "iotsign/base64.h"

#include "sha256_many.h"

/* Characters read at once: what stays in the nearest caches until it is decoded. 4 divides it. */
#define BLOCK_SIZE ((size_t)64 * 1024)

static const char end_of_object[2] = {'"', '}'};

static bool read_exactly(int descriptor, uint64_t offset, char *data, size_t length)
{
    while (length != 0) {
        ssize_t got = pread(descriptor, data, length, (off_t)offset);
        if (got <= 0) {
            if (got < 0 && errno == EINTR) {
                continue;
            }
            return false;
        }
        data += got;
        offset += (uint64_t)got;
        length -= (size_t)got;
    }
    return true;
}

static bool has_size(int descriptor, uint64_t size)
{
    struct stat about;

    return fstat(descriptor, &about) == 0 && (uint64_t)about.st_size == size;
}

/* Characters of base64 in a file. */
static uint64_t characters_of(const iotsign_payload_job_t *job)
{
    uint64_t behind = job->size < job->offset ? 0 : job->size - job->offset;
    return behind < sizeof end_of_object ? 0 : behind - sizeof end_of_object;
}

/* Returns whether it is whole, and then sets job->length. */
static bool decode(iotsign_payload_job_t *job, char *block, uint8_t *payload)
{
    const uint64_t characters = characters_of(job);

    job->length = 0;
    for (uint64_t done = 0; done < characters;) {
        size_t length = characters - done < BLOCK_SIZE ? (size_t)(characters - done) : BLOCK_SIZE;
        size_t most = IOTSIGN_BASE64_DECODED_MAX(length);
        size_t written = 0;
        if (!read_exactly(job->descriptor, job->offset + done, block, length) ||
            iotsign_base64_decode(block, length, payload + job->length, most, &written) != IOTSIGN_OK) {
            return false;
        }
        done += length;
        job->length += written;
        if (written != most && done != characters) {
            return false; /* padding in the middle */
        }
    }
    return read_exactly(job->descriptor, job->offset + characters, block, sizeof end_of_object) &&
           memcmp(block, end_of_object, sizeof end_of_object) == 0 && has_size(job->descriptor, job->size);
}

/* Room for what the files can hold at most; 0 if that is more than there can be. */
static size_t room_for(const iotsign_payload_job_t *jobs, size_t count)
{
    uint64_t room = 1;

    for (size_t i = 0; i < count; i++) {
        uint64_t bytes = IOTSIGN_BASE64_DECODED_MAX(characters_of(&jobs[i]));
        if (bytes > SIZE_MAX - room) {
            return 0;
        }
        room += bytes;
    }
    return (size_t)room;
}

static void decode_all(
    iotsign_payload_job_t *jobs, iotsign_sha256_job_t *hashes, size_t count, char *block, uint8_t *payloads)
{
    for (size_t i = 0; i < count; i++) {
        jobs[i].whole = decode(&jobs[i], block, payloads);
        hashes[i].data = payloads;
        hashes[i].length = jobs[i].whole ? jobs[i].length : 0;
        payloads += hashes[i].length;
    }
}

iotsign_status_t iotsign_payloads_hash(
    iotsign_payload_job_t *jobs, size_t count, const iotsign_progress_t *progress)
{
    iotsign_status_t status = IOTSIGN_ERROR_IO;
    size_t room = room_for(jobs, count);

    char *block = malloc(BLOCK_SIZE);
    uint8_t *payloads = room == 0 ? NULL : malloc(room);
    iotsign_sha256_job_t *hashes = calloc(count + 1, sizeof *hashes);
    if (block != NULL && payloads != NULL && hashes != NULL) {
        decode_all(jobs, hashes, count, block, payloads);
        status = iotsign_sha256_many(hashes, count, 1, progress);
        for (size_t i = 0; i < count; i++) {
            memcpy(jobs[i].digest, hashes[i].digest, sizeof jobs[i].digest);
        }
    }
    free(hashes);
    free(payloads);
    free(block);
    return status;
}
