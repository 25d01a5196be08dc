/* Any bytes, cut into pieces where the first bytes say: every SIMD path hashes the pieces to what portable code makes of the
 * whole, and sha256_many hashes the pieces to what each gives alone.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "iotsign/hash.h"

#include "../../iotsign/core/host/cpu.h"
#include "../../iotsign/core/host/sha256_many.h"

#define CUTS 24
#define MAX_SIZE 1200 /* nine blocks of SHA-512, and a rest */

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            abort(); \
        } \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const iotsign_hash_class_t *const hashes[] = {
    &iotsign_sha1_class, &iotsign_sha256_class, &iotsign_sha384_class, &iotsign_sha512_class};

/* The length of piece i of what is left. */
static size_t piece(const uint8_t *cuts, unsigned i, size_t left)
{
    return i + 1 == CUTS || cuts[i] > left ? left : cuts[i];
}

static void hash_pieces(
    const iotsign_hash_class_t *hash, const uint8_t *cuts, const uint8_t *data, size_t size, uint8_t *digest)
{
    iotsign_hash_context_t context;

    hash->init(&context);
    for (unsigned i = 0; i < CUTS; i++) {
        size_t length = piece(cuts, i, size);
        hash->update(&context, data, length);
        data += length;
        size -= length;
    }
    hash->finish(&context, digest);
}

static void check_many(const uint8_t *cuts, const uint8_t *data, size_t size)
{
    iotsign_sha256_job_t jobs[CUTS];
    iotsign_sha256_t context;
    uint8_t digest[IOTSIGN_SHA256_SIZE];

    for (unsigned i = 0; i < CUTS; i++) {
        jobs[i].data = data;
        jobs[i].length = piece(cuts, i, size);
        data += jobs[i].length;
        size -= jobs[i].length;
    }
    CHECK(iotsign_sha256_many(jobs, CUTS, 1, NULL) == IOTSIGN_OK);
    for (unsigned i = 0; i < CUTS; i++) {
        iotsign_sha256_init(&context);
        iotsign_sha256_update(&context, jobs[i].data, jobs[i].length);
        iotsign_sha256_finish(&context, digest);
        CHECK(memcmp(digest, jobs[i].digest, sizeof digest) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned all = iotsign_cpu_features();
    uint8_t whole[4][IOTSIGN_HASH_MAX_SIZE], pieces[IOTSIGN_HASH_MAX_SIZE];
    static const uint8_t no_cuts[CUTS];

    if (size < CUTS) {
        return 0;
    }
    const uint8_t *cuts = data;
    data += CUTS;
    size -= CUTS;
    size = size < MAX_SIZE ? size : MAX_SIZE;
    (void)iotsign_cpu_select(0);
    for (unsigned i = 0; i < 4; i++) {
        hash_pieces(hashes[i], no_cuts, data, size, whole[i]);
    }
    for (unsigned feature = 1; feature != 0 && feature <= all; feature <<= 1) {
        if ((all & feature) != 0) {
            (void)iotsign_cpu_select(feature);
            for (unsigned i = 0; i < 4; i++) {
                hash_pieces(hashes[i], cuts, data, size, pieces);
                CHECK(memcmp(pieces, whole[i], hashes[i]->digest_size) == 0);
            }
            check_many(cuts, data, size);
        }
    }
    return 0;
}
