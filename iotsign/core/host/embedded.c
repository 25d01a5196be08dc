/* SPDX-License-Identifier: Apache-2.0 */
#include "embedded.h"

#include <stdlib.h>
#include <string.h>

#include "iotsign/base64.h"

#include "scanner.h"

/* Characters that decode as one group of bytes. */
#define GROUP_SIZE 4u

enum { MEMBER_SIZE, MEMBER_SIGNATURE, MEMBER_ALGORITHM, MEMBER_PAYLOAD, MEMBER_COUNT };

static const char *const member_names[MEMBER_COUNT] = {
    "rawPayloadSize", "signature", "signatureAlgorithm", "payload"};

static const iotsign_hash_class_t *const all_hashes[] = {
    &iotsign_sha1_class, &iotsign_sha256_class, &iotsign_sha384_class, &iotsign_sha512_class};
#define HASH_COUNT (sizeof all_hashes / sizeof all_hashes[0])

typedef struct {
    iotsign_scanner_t scanner;
    iotsign_file_t *output;
    const iotsign_hash_chooser_t *chooser;
    iotsign_embedded_t *result;
    bool seen[MEMBER_COUNT];
    uint64_t decoded; /* bytes of payload */

    const iotsign_hash_class_t *chosen; /* NULL: not known yet */
    const iotsign_hash_class_t *running[HASH_COUNT];
    size_t running_count;
    iotsign_hash_context_t contexts[HASH_COUNT];
} reader_t;

static iotsign_status_t refuse_size(reader_t *reader)
{
    return iotsign_fault_set(
        reader->scanner.fault, IOTSIGN_ERROR_MALFORMED, "PayloadSizeMismatch", reader->scanner.offset, 0,
        "expected a payload of %llu bytes as rawPayloadSize says, got %s%llu",
        (unsigned long long)reader->result->raw_payload_size,
        reader->seen[MEMBER_PAYLOAD] ? "" : "at least ", (unsigned long long)reader->decoded);
}

static iotsign_status_t refuse_base64(reader_t *reader, const char *what, uint64_t offset)
{
    return iotsign_fault_set(
        reader->scanner.fault, IOTSIGN_ERROR_MALFORMED, "NotCanonicalBase64", offset, 0,
        "expected canonical base64 of %s, got something else at offset %llu", what, (unsigned long long)offset);
}

static bool choose(void *context)
{
    reader_t *reader = context;

    reader->chosen = reader->chooser->choose(reader->chooser->context, reader->result->algorithm);
    return reader->chosen != NULL;
}

static void start_hashes(reader_t *reader)
{
    if (reader->chosen != NULL) {
        reader->running[0] = reader->chosen;
        reader->running_count = 1;
    } else {
        memcpy(reader->running, all_hashes, sizeof all_hashes);
        reader->running_count = HASH_COUNT;
    }
    for (size_t i = 0; i < reader->running_count; i++) {
        reader->running[i]->init(&reader->contexts[i]);
    }
}

static void consume(void *context, const uint8_t *block, size_t length)
{
    reader_t *reader = context;

    for (size_t i = 0; i < reader->running_count; i++) {
        reader->running[i]->update(&reader->contexts[i], block, length);
    }
}

/* Decodes length characters of the window into a block of the ring. Only the last ones may be padded. */
static iotsign_status_t decode(reader_t *reader, size_t length, bool last)
{
    iotsign_scanner_t *scanner = &reader->scanner;
    size_t written = 0;

    uint8_t *block = iotsign_ring_acquire(reader->scanner.ring);
    if (block == NULL) {
        return IOTSIGN_ERROR_INTERRUPTED;
    }
    iotsign_status_t status = iotsign_base64_decode(
        scanner->window + scanner->begin, length, block,
        IOTSIGN_BASE64_DECODED_MAX(length), &written);
    if (status != IOTSIGN_OK) {
        return refuse_base64(reader, "the payload", scanner->offset + written);
    }
    if (!last && written != IOTSIGN_BASE64_DECODED_MAX(length)) {
        uint64_t padding = IOTSIGN_BASE64_DECODED_MAX(length) - written; /* characters at the end of these */
        return refuse_base64(reader, "the payload", scanner->offset + length - padding);
    }
    iotsign_scanner_consume(scanner, length);
    reader->decoded += written;
    if (reader->seen[MEMBER_SIZE] && reader->decoded > reader->result->raw_payload_size) {
        return refuse_size(reader);
    }
    iotsign_ring_publish(reader->scanner.ring, written);
    if (reader->output == NULL) {
        return IOTSIGN_OK;
    }
    return iotsign_file_write(reader->output, scanner->ring, block, written, scanner->fault);
}

static iotsign_status_t read_payload(reader_t *reader)
{
    iotsign_scanner_t *scanner = &reader->scanner;

    iotsign_status_t status = iotsign_scanner_expect(scanner, '"', "the string payload");
    if (status != IOTSIGN_OK) {
        return status;
    }
    start_hashes(reader);
    reader->result->payload_offset = scanner->offset;
    for (;;) {
        size_t length = scanner->end - scanner->begin;
        const char *quote = memchr(scanner->window + scanner->begin, '"', length);
        if (quote != NULL) {
            status = decode(reader, (size_t)(quote - (scanner->window + scanner->begin)), true);
            break;
        }
        /* what may be the padded end stays in the window until the quotation mark is in sight */
        if (length > GROUP_SIZE) {
            status = decode(reader, (length - 1) / GROUP_SIZE * GROUP_SIZE, false);
        }
        if (status == IOTSIGN_OK && !scanner->at_end) {
            status = iotsign_scanner_fill(scanner);
        }
        if (status != IOTSIGN_OK) {
            return status;
        }
        if (scanner->at_end) {
            iotsign_scanner_consume(scanner, scanner->end - scanner->begin);
            return iotsign_scanner_refuse(scanner, "UnexpectedEnd", "'\"' after payload", IOTSIGN_SCANNER_END);
        }
    }
    if (status == IOTSIGN_OK) {
        reader->result->payload_length = scanner->offset - reader->result->payload_offset;
        iotsign_scanner_consume(scanner, 1);
    }
    return status;
}

static iotsign_status_t read_signature(reader_t *reader)
{
    char text[IOTSIGN_EMBEDDED_SIGNATURE_TEXT_MAX + 1];
    size_t length = 0, written = 0;

    iotsign_status_t status =
        iotsign_scanner_string(&reader->scanner, text, sizeof text, &length, "the string signature");
    if (status != IOTSIGN_OK) {
        return status;
    }
    status = iotsign_base64_decode(text, length, reader->result->signature, IOTSIGN_EMBEDDED_SIGNATURE_MAX, &written);
    if (status != IOTSIGN_OK) {
        return refuse_base64(reader, "the signature", reader->scanner.offset - 1 - length + written);
    }
    reader->result->signature_length = written;
    return IOTSIGN_OK;
}

static iotsign_status_t read_algorithm(reader_t *reader)
{
    size_t length = 0;

    iotsign_status_t status = iotsign_scanner_string(
        &reader->scanner, reader->result->algorithm, sizeof reader->result->algorithm, &length,
        "the string signatureAlgorithm");
    if (status != IOTSIGN_OK) {
        return status;
    }
    return iotsign_ring_call(reader->scanner.ring, choose, reader) ? IOTSIGN_OK : IOTSIGN_ERROR_INTERRUPTED;
}

static iotsign_status_t read_member(reader_t *reader)
{
    iotsign_scanner_t *scanner = &reader->scanner;
    char name[IOTSIGN_EMBEDDED_NAME_MAX + 1];
    size_t length = 0, member = 0;

    iotsign_status_t status = iotsign_scanner_string(scanner, name, sizeof name, &length, "a key");
    if (status != IOTSIGN_OK) {
        return status;
    }
    uint64_t offset = scanner->offset - 1 - length;
    while (member < MEMBER_COUNT && strcmp(name, member_names[member]) != 0) {
        member++;
    }
    if (member == MEMBER_COUNT || reader->seen[member]) {
        return iotsign_fault_set(
            scanner->fault, IOTSIGN_ERROR_MALFORMED, member == MEMBER_COUNT ? "UnknownKey" : "DuplicateKey", offset, 0,
            "expected each of rawPayloadSize, signature, signatureAlgorithm, payload once, got %s %s at offset %llu",
            name, member == MEMBER_COUNT ? "" : "again", (unsigned long long)offset);
    }
    status = iotsign_scanner_expect(scanner, ':', "':' after a key");
    if (status != IOTSIGN_OK) {
        return status;
    }
    switch (member) {
    case MEMBER_SIZE:
        status = iotsign_scanner_integer(scanner, &reader->result->raw_payload_size, "the integer rawPayloadSize");
        break;
    case MEMBER_SIGNATURE:
        status = read_signature(reader);
        break;
    case MEMBER_ALGORITHM:
        status = read_algorithm(reader);
        break;
    default:
        status = read_payload(reader);
        break;
    }
    reader->seen[member] = true;
    return status;
}

static iotsign_status_t read_members(reader_t *reader)
{
    iotsign_scanner_t *scanner = &reader->scanner;
    int byte = IOTSIGN_SCANNER_END;

    iotsign_status_t status = iotsign_scanner_peek(scanner, &byte);
    if (status == IOTSIGN_OK && byte != '{') {
        status = iotsign_scanner_refuse(scanner, "NotAnObject", "'{' of a signed object", byte);
    }
    do {
        if (status == IOTSIGN_OK) {
            iotsign_scanner_consume(scanner, 1);
            status = read_member(reader);
        }
        if (status == IOTSIGN_OK) {
            status = iotsign_scanner_peek_token(scanner, &byte);
        }
    } while (status == IOTSIGN_OK && byte == ',');
    return status == IOTSIGN_OK ? iotsign_scanner_expect(scanner, '}', "',' or '}' after a value") : status;
}

static iotsign_status_t read_object(void *context, iotsign_ring_t *ring, iotsign_fault_t *fault)
{
    reader_t *reader = context;
    iotsign_scanner_t *scanner = &reader->scanner;
    int byte = IOTSIGN_SCANNER_END;

    scanner->ring = ring;
    scanner->fault = fault;
    iotsign_status_t status = read_members(reader);
    if (status == IOTSIGN_OK) {
        status = iotsign_scanner_peek(scanner, &byte);
    }
    if (status != IOTSIGN_OK) {
        return status;
    }
    if (byte != IOTSIGN_SCANNER_END) {
        return iotsign_scanner_refuse(scanner, "TrailingData", "the end of the file after '}'", byte);
    }
    for (size_t member = 0; member < MEMBER_COUNT; member++) {
        if (!reader->seen[member]) {
            return iotsign_fault_set(
                fault, IOTSIGN_ERROR_MALFORMED, "MissingKey", scanner->offset, 0,
                "expected the key %s, got an object without it", member_names[member]);
        }
    }
    if (reader->decoded != reader->result->raw_payload_size) {
        return refuse_size(reader);
    }
    return iotsign_file_check_size(scanner->input, fault);
}

static void finish(reader_t *reader)
{
    for (size_t i = 0; i < reader->running_count; i++) {
        if (reader->running[i] == reader->chosen) {
            reader->chosen->finish(&reader->contexts[i], reader->result->digest);
            reader->result->digest_length = reader->chosen->digest_size;
        }
    }
}

iotsign_status_t iotsign_embedded_read(
    iotsign_file_t *input, iotsign_file_t *output, const iotsign_hash_chooser_t *chooser,
    const iotsign_progress_t *progress, iotsign_embedded_t *result, iotsign_fault_t *fault)
{
    reader_t reader = {
        .scanner = {.input = input}, .output = output, .chooser = chooser, .result = result};
    iotsign_ring_job_t job = {
        .work = read_object, .consume = consume, .context = &reader, .progress = *progress};

    memset(result, 0, sizeof *result);
    job.block_size = iotsign_file_block_size(input);
    job.threaded = job.block_size == IOTSIGN_RING_BLOCK_SIZE || (output != NULL && !output->regular);
    reader.scanner.size = IOTSIGN_BASE64_ENCODED_SIZE(job.block_size);
    reader.scanner.window = malloc(reader.scanner.size);
    if (reader.scanner.window == NULL) {
        return iotsign_fault_set(
            fault, IOTSIGN_ERROR_IO, "OutOfMemory", 0, 0, "no memory for %zu bytes", reader.scanner.size);
    }
    iotsign_status_t status = iotsign_ring_run(&job, fault);
    free(reader.scanner.window);
    if (status == IOTSIGN_OK) {
        finish(&reader);
    }
    return status;
}
