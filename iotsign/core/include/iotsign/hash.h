/* A hash function as a value, for code that works with any of them (RSA-PSS, MCUboot images). A firmware links only the
 * hash classes that it names.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_HASH_H
#define IOTSIGN_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "iotsign/sha1.h"
#include "iotsign/sha256.h"
#include "iotsign/sha512.h"

#define IOTSIGN_HASH_MAX_SIZE 64u

typedef union {
    iotsign_sha1_t sha1;
    iotsign_sha256_t sha256;
    iotsign_sha256_twice_t sha256_twice;
    iotsign_sha512_t sha512;
} iotsign_hash_context_t;

/* A message that is read twice and hashed once, as iotsign_sha256_twice_t. */
typedef struct {
    void (*init)(iotsign_hash_context_t *context);
    uint32_t (*position)(const iotsign_hash_context_t *context); /* bytes of the second reading so far */
    void (*update)(iotsign_hash_context_t *context, const void *data, const void *again, size_t length);
    void (*finish)(iotsign_hash_context_t *context, uint8_t *digest);
    int (*is_sound)(const iotsign_hash_context_t *context, uint32_t length);
} iotsign_hash_twice_t;

typedef struct {
    size_t digest_size; /* bytes */
    void (*init)(iotsign_hash_context_t *context);
    void (*update)(iotsign_hash_context_t *context, const void *data, size_t length);
    void (*finish)(iotsign_hash_context_t *context, uint8_t *digest); /* writes digest_size bytes */
    const iotsign_hash_twice_t *twice; /* NULL: a hardened verification hashes twice */
} iotsign_hash_class_t;

extern const iotsign_hash_class_t iotsign_sha1_class;
extern const iotsign_hash_class_t iotsign_sha256_class;
extern const iotsign_hash_class_t iotsign_sha384_class;
extern const iotsign_hash_class_t iotsign_sha512_class;

#endif
