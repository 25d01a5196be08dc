/* Times the core's hashes and base64, and OpenSSL's EVP beside them, in slices of a millisecond that take turns, so that
 * whatever else the machine does slows all of them. What runs on one core counts the time that it had the core. Prints one line a measurement: name, round, seconds of ours,
 * seconds of the peer (0 without one), bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../iotsign/core/host/cpu.h"
#include "iotsign/base64.h"
#include "iotsign/hash.h"
#include "../iotsign/core/host/sha256_many.h"

#define KIB ((size_t)1024)
#define MIB (KIB * KIB)
#define SLICES 32
#define MAX_JOBS 1024

typedef struct {
    const char *name;
    const iotsign_hash_class_t *hash;
    const EVP_MD *(*peer)(void);
} hash_case_t;

static uint8_t *memory, *text; /* 64 MiB, and its base64 */
static iotsign_sha256_job_t jobs[MAX_JOBS];
static unsigned rounds;

static clockid_t clock_used = CLOCK_PROCESS_CPUTIME_ID;

static double now_s(void)
{
    struct timespec now;

    (void)clock_gettime(clock_used, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void check(int good)
{
    if (!good) {
        (void)fprintf(stderr, "a result is wrong\n");
        exit(1);
    }
}

static double time_hash(const iotsign_hash_class_t *hash, size_t length, uint8_t *digest)
{
    iotsign_hash_context_t context;
    double start = now_s();

    hash->init(&context);
    hash->update(&context, memory, length);
    hash->finish(&context, digest);
    return now_s() - start;
}

static double time_evp(const EVP_MD *md, size_t length, uint8_t *digest)
{
    double start = now_s();

    check(EVP_Digest(memory, length, digest, NULL, md, NULL));
    return now_s() - start;
}

static void measure_hash(const hash_case_t *which)
{
    const size_t length = MIB;
    uint8_t ours[64], theirs[64];

    for (unsigned round = 0; round <= rounds; round++) {
        double ours_s = 0, peer_s = 0;
        for (unsigned slice = 0; slice < SLICES; slice++) {
            ours_s += time_hash(which->hash, length, ours);
            peer_s += time_evp(which->peer(), length, theirs);
        }
        check(memcmp(ours, theirs, which->hash->digest_size) == 0);
        if (round != 0) { /* the first warms up */
            (void)printf("%s %u %.9f %.9f %zu\n", which->name, round, ours_s, peer_s, SLICES * length);
        }
    }
}

static void measure_base64(const char *label, size_t length, unsigned repeat)
{
    const size_t characters = IOTSIGN_BASE64_ENCODED_SIZE(length);
    size_t written;

    for (unsigned round = 0; round <= rounds; round++) {
        double start = now_s();
        for (unsigned i = 0; i < repeat; i++) {
            check(iotsign_base64_encode(memory, length, (char *)text, characters, &written) == IOTSIGN_OK);
        }
        double middle = now_s();
        for (unsigned i = 0; i < repeat; i++) {
            check(iotsign_base64_decode((const char *)text, characters, memory, length, &written) == IOTSIGN_OK);
        }
        double end = now_s();
        if (round != 0) {
            (void)printf("base64-encode-%s %u %.9f 0 %zu\n", label, round, middle - start, repeat * length);
            (void)printf("base64-decode-%s %u %.9f 0 %zu\n", label, round, end - middle, repeat * length);
        }
    }
}

static void measure_copy(void)
{
    for (unsigned round = 0; round <= rounds; round++) {
        double start = now_s();
        memcpy(text, memory, 64 * MIB);
        double end = now_s();
        if (round != 0) {
            (void)printf("memcpy-large %u %.9f 0 %zu\n", round, end - start, 64 * MIB);
        }
    }
}

static void measure_many(const char *label, size_t count, size_t length, unsigned threads, unsigned peer_threads)
{
    uint8_t digest[32];

    for (size_t i = 0; i < count; i++) {
        jobs[i].data = memory + i * length % (64 * MIB - length + 1);
        jobs[i].length = length;
    }
    for (unsigned round = 0; round <= rounds; round++) {
        double start = now_s();
        check(iotsign_sha256_many(jobs, count, threads, NULL) == IOTSIGN_OK);
        double ours_s = now_s() - start, peer_s = 0;
        start = now_s();
        if (peer_threads == 0) {
            for (size_t i = 0; i < count; i++) {
                check(EVP_Digest(jobs[i].data, length, digest, NULL, EVP_sha256(), NULL));
                check(memcmp(digest, jobs[i].digest, sizeof digest) == 0);
            }
        } else {
            check(iotsign_sha256_many(jobs, count, peer_threads, NULL) == IOTSIGN_OK);
        }
        peer_s = now_s() - start;
        if (round != 0) {
            (void)printf("%s %u %.9f %.9f %zu\n", label, round, ours_s, peer_s, count * length);
        }
    }
}

int main(int argc, char **argv)
{
    static const hash_case_t cases[] = {
        {"sha1", &iotsign_sha1_class, EVP_sha1},
        {"sha256", &iotsign_sha256_class, EVP_sha256},
        {"sha384", &iotsign_sha384_class, EVP_sha384},
        {"sha512", &iotsign_sha512_class, EVP_sha512},
    };
    static const struct {
        unsigned needed;
        const char *name;
    } many_paths[] = {
        {0, "many-portable"},
        {IOTSIGN_CPU_X86_AVX2, "many-avx2"},
        {IOTSIGN_CPU_X86_AVX512, "many-avx512"},
        {IOTSIGN_CPU_X86_SHA, "many-x86-sha"},
    };

    rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 5;
    memory = malloc(64 * MIB);
    text = malloc(IOTSIGN_BASE64_ENCODED_SIZE(64 * MIB));
    check(memory != NULL && text != NULL);
    for (size_t i = 0; i < 64 * MIB; i++) {
        memory[i] = (uint8_t)(i * 2654435761u >> 13);
    }
    memset(text, 0, IOTSIGN_BASE64_ENCODED_SIZE(64 * MIB));

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        measure_hash(&cases[i]);
    }
    measure_copy();
    const unsigned features = iotsign_cpu_features();
    const struct {
        unsigned needed;
        const char *small, *large;
    } paths[] = {
        {0, "portable", "portable-large"},
        {IOTSIGN_CPU_X86_AVX2, "avx2", "avx2-large"},
        {IOTSIGN_CPU_X86_VBMI, "vbmi", "vbmi-large"},
        {IOTSIGN_CPU_ARM_NEON, "neon", "neon-large"},
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if ((features & paths[i].needed) == paths[i].needed) {
            (void)iotsign_cpu_select(paths[i].needed);
            measure_base64(paths[i].small, 12 * KIB, 4000);
            measure_base64(paths[i].large, 64 * MIB, 1);
        }
    }
    for (size_t i = 0; i < sizeof many_paths / sizeof many_paths[0]; i++) {
        if ((features & many_paths[i].needed) == many_paths[i].needed) {
            (void)iotsign_cpu_select(many_paths[i].needed);
            measure_many(many_paths[i].name, 64, MIB, 1, 0);
        }
    }
    (void)iotsign_cpu_select(features);
    measure_many("many", 64, MIB, 1, 0);
    measure_many("many-of-8", 8, MIB, 1, 0);
    measure_many("many-of-2", 2, MIB, 1, 0);
    clock_used = CLOCK_MONOTONIC;
    measure_many("many-threads", 1000, 256 * KIB, 2, 1);
    return 0;
}
