/* Answers questions from standard input about hashes and base64, with the SIMD paths that its argument allows (a mask of
 * cpu.h, decimal); without an argument, says which features this CPU has. Each input lies in memory of its own of
 * exactly its size, at the address that was asked for, so that sanitizers see any step beyond it.
 *
 * A request is an operation, an address modulo 64, a big-endian u32 length and so many bytes. Answers:
 *   0..3  SHA-1, SHA-256, SHA-384, SHA-512: the digest, after the same was found for every split in two
 *   4..7  the same, in one piece only
 *   8     base64 encode: u32 length, text
 *   9     base64 decode: status (negated), u32 written, and the bytes if the status is 0
 *   10    sha256_many; the bytes are a thread count and then buffers, each after its u32 length: all digests
 *   12..15  finish at once, as after a message of so many blocks that its length is what the bytes say (u64), but none of
 *           which was hashed: the digest
 *   16..19  hash whole blocks and pad nothing: the digest
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../host/cpu.h"
#include "../host/sha256_many.h"
#include "../src/wire.h"
#include "iotsign/base64.h"
#include "iotsign/hash.h"

#define MAX_JOBS 4096

static const iotsign_hash_class_t *const hashes[] = {
    &iotsign_sha1_class, &iotsign_sha256_class, &iotsign_sha384_class, &iotsign_sha512_class};

static void fail(const char *what)
{
    (void)fprintf(stderr, "%s\n", what);
    exit(1);
}

static void put(const void *bytes, size_t length)
{
    if (length != 0 && fwrite(bytes, 1, length, stdout) != length) {
        fail("cannot write");
    }
}

static void put_u32(size_t value)
{
    uint8_t bytes[4];

    iotsign_be32_store(bytes, (uint32_t)value);
    put(bytes, sizeof bytes);
}

/* Bytes at an address modulo 64, with nothing behind them. */
static uint8_t *allocate(unsigned address, size_t length, void **block)
{
    if (posix_memalign(block, 64, address + length + (address + length == 0)) != 0) {
        fail("out of memory");
    }
    return (uint8_t *)*block + address;
}

static void digest_in_two(const iotsign_hash_class_t *hash, const uint8_t *data, size_t length, size_t split, uint8_t *digest)
{
    iotsign_hash_context_t context;

    hash->init(&context);
    hash->update(&context, data, split);
    hash->update(&context, data + split, length - split);
    hash->finish(&context, digest);
}

static void answer_digest(const iotsign_hash_class_t *hash, const uint8_t *data, size_t length, int every_split)
{
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE], again[IOTSIGN_HASH_MAX_SIZE];

    digest_in_two(hash, data, length, length, digest);
    for (size_t split = 0; every_split && split < length; split++) {
        digest_in_two(hash, data, length, split, again);
        if (memcmp(digest, again, hash->digest_size) != 0) {
            fail("a split changes the digest");
        }
    }
    put(digest, hash->digest_size);
}

static void answer_encode(unsigned address, const uint8_t *data, size_t length)
{
    size_t written, capacity = IOTSIGN_BASE64_ENCODED_SIZE(length);
    void *block;
    char *text = (char *)allocate(63 - address, capacity, &block);

    if (length != 0 && (iotsign_base64_encode(data, length, text, capacity - 1, &written) != IOTSIGN_ERROR_SPACE || written != 0)) {
        fail("encoded into too little space");
    }
    if (iotsign_base64_encode(data, length, text, capacity, &written) != IOTSIGN_OK) {
        fail("cannot encode");
    }
    put_u32(written);
    put(text, written);
    free(block);
}

static void answer_decode(unsigned address, const uint8_t *text, size_t length)
{
    size_t written, capacity = IOTSIGN_BASE64_DECODED_MAX(length);
    void *block;
    uint8_t *data = allocate(63 - address, capacity, &block);
    iotsign_status_t status = iotsign_base64_decode((const char *)text, length, data, capacity, &written);
    uint8_t negated = (uint8_t)-status;

    put(&negated, 1);
    put_u32(written);
    if (status == IOTSIGN_OK) {
        size_t again;
        put(data, written);
        if (iotsign_base64_decode((const char *)text, length, data, written, &again) != IOTSIGN_OK || again != written) {
            fail("cannot decode into just enough space");
        }
        if (written != 0 &&
            (iotsign_base64_decode((const char *)text, length, data, written - 1, &again) != IOTSIGN_ERROR_SPACE || again != 0)) {
            fail("decoded into too little space");
        }
    }
    free(block);
}

/* The contexts of all hashes have their length behind a state of different size. */
static uint64_t *length_of(iotsign_hash_context_t *context, unsigned which)
{
    return which == 0 ? &context->sha1.length : which == 1 ? &context->sha256.length : &context->sha512.length;
}

static void answer_finish(unsigned which, const uint8_t *length)
{
    iotsign_hash_context_t context;
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE];

    hashes[which]->init(&context);
    *length_of(&context, which) = iotsign_be64_load(length);
    hashes[which]->finish(&context, digest);
    put(digest, hashes[which]->digest_size);
}

static void answer_blocks(unsigned which, const uint8_t *blocks, size_t length)
{
    iotsign_hash_context_t context;
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE];

    hashes[which]->init(&context);
    hashes[which]->update(&context, blocks, length);
    for (unsigned i = 0; i < 8; i++) {
        if (which >= 2) {
            iotsign_be64_store(digest + 8 * i, context.sha512.state[i]);
        } else if (which == 1 || i < 5) {
            iotsign_be32_store(digest + 4 * i, which == 1 ? context.sha256.state[i] : context.sha1.state[i]);
        }
    }
    put(digest, hashes[which]->digest_size);
}

static int count_reports(void *context, uint64_t done)
{
    *(uint64_t *)context = done;
    return 0;
}

static void answer_many(const uint8_t *bytes, size_t length)
{
    static iotsign_sha256_job_t jobs[MAX_JOBS];
    uint64_t last_report = 0;
    const iotsign_progress_t progress = {.report = count_reports, .context = &last_report};
    size_t count = 0, used = 1;

    while (used < length && count < MAX_JOBS) {
        jobs[count].length = iotsign_be32_load(bytes + used);
        jobs[count].data = bytes + used + 4;
        used += 4 + jobs[count++].length;
    }
    if (iotsign_sha256_many(jobs, count, bytes[0], &progress) != IOTSIGN_OK) {
        fail("cannot hash many");
    }
    for (size_t i = 0; i < count; i++) {
        put(jobs[i].digest, sizeof jobs[i].digest);
    }
}

int main(int argc, char **argv)
{
    uint8_t header[6];

    if (argc < 2) {
        (void)printf("%u\n", iotsign_cpu_features());
        return 0;
    }
    unsigned features = (unsigned)strtoul(argv[1], NULL, 10);
    if (iotsign_cpu_select(features) != features || iotsign_cpu_selected() != features) {
        fail("this CPU lacks a feature that was asked for");
    }
    while (fread(header, 1, sizeof header, stdin) == sizeof header) {
        size_t length = iotsign_be32_load(header + 2);
        void *block;
        uint8_t *data = allocate(header[1], length, &block);

        if (length != 0 && fread(data, 1, length, stdin) != length) {
            fail("the request ends early");
        }
        switch (header[0]) {
        case 8:
            answer_encode(header[1], data, length);
            break;
        case 9:
            answer_decode(header[1], data, length);
            break;
        case 10:
            answer_many(data, length);
            break;
        case 12:
        case 13:
        case 14:
        case 15:
            answer_finish(header[0] % 4, data);
            break;
        case 16:
        case 17:
        case 18:
        case 19:
            answer_blocks(header[0] % 4, data, length);
            break;
        default:
            answer_digest(hashes[header[0] % 4], data, length, header[0] < 4);
        }
        free(block);
    }
    return 0;
}
