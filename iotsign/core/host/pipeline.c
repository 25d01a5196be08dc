/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline.h"

#include <stdlib.h>

#include "iotsign/base64.h"

#define TEXT_SIZE IOTSIGN_BASE64_ENCODED_SIZE(IOTSIGN_RING_BLOCK_SIZE)

typedef struct {
    iotsign_file_t *input, *output; /* output is NULL for hashing alone */
    const uint64_t *length;
    char *text;
    uint64_t size;
} source_t;

typedef struct {
    const iotsign_hash_class_t *hash;
    iotsign_hash_context_t context;
} sink_t;

static void consume(void *context, const uint8_t *block, size_t length)
{
    sink_t *sink = context;

    sink->hash->update(&sink->context, block, length);
}

static iotsign_status_t encode(source_t *source, const uint8_t *block, size_t length, iotsign_fault_t *fault)
{
    size_t written = 0;

    iotsign_status_t status = iotsign_base64_encode(block, length, source->text, TEXT_SIZE, &written);
    if (status != IOTSIGN_OK) {
        return iotsign_fault_set(fault, status, "EncodeFailed", source->size, 0, "cannot encode %zu bytes", length);
    }
    return iotsign_file_write(source->output, source->text, written, fault);
}

static size_t block_size(const source_t *source)
{
    if (source->length != NULL && *source->length - source->size < IOTSIGN_RING_BLOCK_SIZE) {
        return (size_t)(*source->length - source->size);
    }
    return IOTSIGN_RING_BLOCK_SIZE;
}

static iotsign_status_t produce(void *context, iotsign_ring_t *ring, iotsign_fault_t *fault)
{
    source_t *source = context;
    size_t wanted = 0, got = 0;

    source->input->ring = ring;
    if (source->output != NULL) {
        source->output->ring = ring;
    }
    do {
        uint8_t *block = iotsign_ring_acquire(ring);
        if (block == NULL) {
            return IOTSIGN_ERROR_INTERRUPTED;
        }
        wanted = block_size(source);
        iotsign_status_t status = iotsign_file_read(source->input, block, wanted, false, &got, fault);
        if (status != IOTSIGN_OK) {
            return status;
        }
        iotsign_ring_publish(ring, got);
        status = source->output != NULL ? encode(source, block, got, fault) : IOTSIGN_OK;
        if (status != IOTSIGN_OK) {
            return status;
        }
        source->size += got;
    } while (got == wanted && wanted != 0);

    if (source->length == NULL) {
        return iotsign_file_check_size(source->input, fault);
    }
    if (source->size != *source->length) {
        return iotsign_fault_set(
            fault, IOTSIGN_ERROR_IO, "UnexpectedEnd", source->input->position, 0,
            "expected %llu bytes, got %llu before the end of the file", (unsigned long long)*source->length,
            (unsigned long long)source->size);
    }
    return IOTSIGN_OK;
}

static iotsign_status_t run(
    source_t *source, const iotsign_hash_class_t *hash, const iotsign_progress_t *progress, iotsign_hashed_t *result,
    iotsign_fault_t *fault)
{
    sink_t sink = {.hash = hash};
    iotsign_ring_job_t job = {
        .produce = produce, .producer = source, .consume = consume, .consumer = &sink, .progress = *progress};

    job.threaded = !iotsign_file_is_short(source->input) || (source->output != NULL && !source->output->regular);
    hash->init(&sink.context);
    iotsign_status_t status = iotsign_ring_run(&job, fault);
    if (status == IOTSIGN_OK) {
        hash->finish(&sink.context, result->digest);
        result->size = source->size;
    }
    return status;
}

iotsign_status_t iotsign_pipeline_hash(
    iotsign_file_t *input, const uint64_t *length, const iotsign_hash_class_t *hash,
    const iotsign_progress_t *progress, iotsign_hashed_t *result, iotsign_fault_t *fault)
{
    source_t source = {.input = input, .length = length};

    return run(&source, hash, progress, result, fault);
}

iotsign_status_t iotsign_pipeline_encode(
    iotsign_file_t *input, iotsign_file_t *output, const iotsign_hash_class_t *hash,
    const iotsign_progress_t *progress, iotsign_hashed_t *result, iotsign_fault_t *fault)
{
    source_t source = {.input = input, .output = output};

    source.text = malloc(TEXT_SIZE);
    if (source.text == NULL) {
        return iotsign_fault_set(fault, IOTSIGN_ERROR_IO, "OutOfMemory", 0, 0, "no memory for %zu bytes", TEXT_SIZE);
    }
    iotsign_status_t status = run(&source, hash, progress, result, fault);
    free(source.text);
    return status;
}

typedef struct {
    iotsign_file_t from, to;
    uint64_t start, end;
    int64_t delta;
} shift_t;

static void ignore(void *context, const uint8_t *block, size_t length)
{
    (void)context;
    (void)block;
    (void)length;
}

/* Goes from the end backwards when the bytes move up, so that none is overwritten before it was read. */
static iotsign_status_t shift(void *context, iotsign_ring_t *ring, iotsign_fault_t *fault)
{
    shift_t *move = context;

    move->from.ring = move->to.ring = ring;
    while (move->start != move->end) {
        uint8_t *block = iotsign_ring_acquire(ring);
        if (block == NULL) {
            return IOTSIGN_ERROR_INTERRUPTED;
        }
        uint64_t left = move->end - move->start;
        size_t length = left < IOTSIGN_RING_BLOCK_SIZE ? (size_t)left : IOTSIGN_RING_BLOCK_SIZE, got = 0;
        move->from.position = move->delta > 0 ? move->end - length : move->start;
        move->to.position = (uint64_t)((int64_t)move->from.position + move->delta);
        iotsign_status_t status = iotsign_file_read(&move->from, block, length, false, &got, fault);
        if (status != IOTSIGN_OK) {
            return status;
        }
        if (got != length) {
            return iotsign_fault_set(
                fault, IOTSIGN_ERROR_IO, "UnexpectedEnd", move->from.position, 0,
                "expected %zu bytes to move, got %zu before the end of the file", length, got);
        }
        status = iotsign_file_write(&move->to, block, length, fault);
        if (status != IOTSIGN_OK) {
            return status;
        }
        iotsign_ring_publish(ring, length);
        if (move->delta > 0) {
            move->end -= length;
        } else {
            move->start += length;
        }
    }
    return IOTSIGN_OK;
}

iotsign_status_t iotsign_pipeline_shift(
    int descriptor, uint64_t start, uint64_t end, int64_t delta, const iotsign_progress_t *progress,
    iotsign_fault_t *fault)
{
    shift_t move = {.start = start, .end = end, .delta = delta};
    iotsign_ring_job_t job = {
        .produce = shift, .producer = &move, .consume = ignore, .progress = *progress, .threaded = true};

    iotsign_status_t status = iotsign_file_open_at(&move.from, descriptor, start, fault);
    if (status != IOTSIGN_OK) {
        return status;
    }
    move.to = move.from;
    return iotsign_ring_run(&job, fault);
}
