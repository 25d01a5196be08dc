/* Reads a JSONEmbedded signed object: {"rawPayloadSize":N,"signature":"…","signatureAlgorithm":"…","payload":"…"}, of any
 * size, in one pass: locates the four members, decodes the payload and hashes it. The keys may come in any order, with
 * JSON white space between tokens; nothing else is tolerated: unknown or duplicate keys, escapes, numbers that are not
 * plain non-negative integers, base64 that is not canonical, a size that is not the payload's, bytes before or after the
 * object.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: AWS Signer, signed objects of the image format JSONEmbedded; RFC 8259; RFC 4648 §4. */
#ifndef IOTSIGN_EMBEDDED_H
#define IOTSIGN_EMBEDDED_H

#include "iotsign/hash.h"

#include "file.h"

/* Most characters of a signature's base64; RSA-4096 has 684. */
#define IOTSIGN_EMBEDDED_SIGNATURE_TEXT_MAX 4096u
#define IOTSIGN_EMBEDDED_SIGNATURE_MAX (IOTSIGN_EMBEDDED_SIGNATURE_TEXT_MAX / 4u * 3u)

/* Most characters of a key or of the algorithm's name. */
#define IOTSIGN_EMBEDDED_NAME_MAX 63u

typedef struct {
    uint64_t raw_payload_size; /* bytes */
    uint64_t payload_offset;   /* of the base64 text, bytes from where reading began */
    uint64_t payload_length;   /* characters of base64 */
    uint8_t signature[IOTSIGN_EMBEDDED_SIGNATURE_MAX];
    size_t signature_length;                      /* bytes */
    char algorithm[IOTSIGN_EMBEDDED_NAME_MAX + 1]; /* printable ASCII, NUL-terminated, as the object spells it */
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE];
    size_t digest_length; /* bytes */
} iotsign_embedded_t;

/* Says which hash belongs to an algorithm's name, called once, on the calling thread; NULL: stop. */
typedef struct {
    const iotsign_hash_class_t *(*choose)(void *context, const char *algorithm);
    void *context;
} iotsign_hash_chooser_t;

/* Reads input to its end and, unless output is NULL, writes the decoded payload to it. If the payload comes before the
 * algorithm, all four hashes are computed, so that one pass is enough.
 *
 * IOTSIGN_OK
 * IOTSIGN_ERROR_INTERRUPTED  progress or chooser asked to stop
 * IOTSIGN_ERROR_MALFORMED    with *fault; output holds what was decoded so far
 * IOTSIGN_ERROR_IO           with *fault */
iotsign_status_t iotsign_embedded_read(
    iotsign_file_t *input, iotsign_file_t *output, const iotsign_hash_chooser_t *chooser,
    const iotsign_progress_t *progress, iotsign_embedded_t *result, iotsign_fault_t *fault);

#endif
