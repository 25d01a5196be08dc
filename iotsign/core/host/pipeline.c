/* SPDX-License-Identifier: Apache-2.0 */
#include "pipeline.h"

#include <stdlib.h>

#include "iotsign/base64.h"

typedef struct {
    iotsign_file_t *input, *output; /* output is NULL for hashing alone */
    const uint64_t *length;
    char *text;
    size_t block_size, text_size;
    uint64_t size; /* bytes read */
    const iotsign_hash_class_t *hash;
    iotsign_hash_context_t context;
} pass_t;

static iotsign_status_t check_end(const pass_t *pass, iotsign_fault_t *fault)
{
    if (pass->length == NULL) {
        return iotsign_file_check_size(pass->input, fault);
    }
    if (pass->size == *pass->length) {
        return IOTSIGN_OK;
    }
    return iotsign_fault_set(
        fault, IOTSIGN_ERROR_IO, "UnexpectedEnd", pass->input->position, 0,
        "expected %llu bytes, got %llu before the end of the file", (unsigned long long)*pass->length,
        (unsigned long long)pass->size);
}

static iotsign_status_t read_block(
    void *context, iotsign_ring_t *ring, uint8_t *block, size_t *length, iotsign_fault_t *fault)
{
    pass_t *pass = context;
    size_t wanted = pass->block_size;

    if (pass->length != NULL && *pass->length - pass->size < wanted) {
        wanted = (size_t)(*pass->length - pass->size);
    }
    iotsign_status_t status = iotsign_file_read(pass->input, ring, block, wanted, false, length, fault);
    pass->size += *length;
    return status == IOTSIGN_OK && *length == 0 ? check_end(pass, fault) : status;
}

static void hash_block(void *context, const uint8_t *block, size_t length)
{
    pass_t *pass = context;

    pass->hash->update(&pass->context, block, length);
}

static iotsign_status_t write_blocks(void *context, iotsign_ring_t *ring, iotsign_fault_t *fault)
{
    pass_t *pass = context;
    const uint8_t *block = NULL;
    size_t length = 0, written = 0;

    for (;;) {
        iotsign_status_t status = iotsign_ring_take(ring, &block, &length);
        if (status != IOTSIGN_OK || block == NULL) {
            return status;
        }
        if (pass->output == NULL) {
            continue;
        }
        status = iotsign_base64_encode(block, length, pass->text, pass->text_size, &written);
        if (status == IOTSIGN_OK) {
            status = iotsign_file_write(pass->output, ring, pass->text, written, fault);
        }
        if (status != IOTSIGN_OK) {
            return status;
        }
    }
}

static iotsign_status_t run(
    pass_t *pass, const iotsign_hash_class_t *hash, const iotsign_progress_t *progress, iotsign_hashed_t *result,
    iotsign_fault_t *fault)
{
    iotsign_ring_job_t job = {
        .work = write_blocks, .read = read_block, .consume = hash_block, .context = pass, .progress = *progress};

    job.block_size = pass->block_size;
    job.read_may_wait = !pass->input->regular;
    job.threaded = job.block_size == IOTSIGN_RING_BLOCK_SIZE || (pass->output != NULL && !pass->output->regular);
    pass->hash = hash;
    hash->init(&pass->context);
    iotsign_status_t status = iotsign_ring_run(&job, fault);
    if (status == IOTSIGN_OK) {
        hash->finish(&pass->context, result->digest);
        result->size = pass->size;
    }
    return status;
}

iotsign_status_t iotsign_pipeline_hash(
    iotsign_file_t *input, const uint64_t *length, const iotsign_hash_class_t *hash,
    const iotsign_progress_t *progress, iotsign_hashed_t *result, iotsign_fault_t *fault)
{
    pass_t pass = {.input = input, .length = length, .block_size = iotsign_file_block_size(input)};

    return run(&pass, hash, progress, result, fault);
}

iotsign_status_t iotsign_pipeline_encode(
    iotsign_file_t *input, iotsign_file_t *output, const iotsign_hash_class_t *hash,
    const iotsign_progress_t *progress, iotsign_hashed_t *result, iotsign_fault_t *fault)
{
    pass_t pass = {.input = input, .output = output, .block_size = iotsign_file_block_size(input)};

    pass.text_size = IOTSIGN_BASE64_ENCODED_SIZE(pass.block_size);
    pass.text = malloc(pass.text_size);
    if (pass.text == NULL) {
        return iotsign_fault_set(fault, IOTSIGN_ERROR_IO, "OutOfMemory", 0, 0, "no memory for %zu bytes", pass.text_size);
    }
    iotsign_status_t status = run(&pass, hash, progress, result, fault);
    free(pass.text);
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

    while (move->start != move->end) {
        uint8_t *block = iotsign_ring_acquire(ring);
        if (block == NULL) {
            return IOTSIGN_ERROR_INTERRUPTED;
        }
        uint64_t left = move->end - move->start;
        size_t length = left < IOTSIGN_RING_BLOCK_SIZE ? (size_t)left : IOTSIGN_RING_BLOCK_SIZE, got = 0;
        move->from.position = move->delta > 0 ? move->end - length : move->start;
        move->to.position = (uint64_t)((int64_t)move->from.position + move->delta);
        iotsign_status_t status = iotsign_file_read(&move->from, ring, block, length, false, &got, fault);
        if (status != IOTSIGN_OK) {
            return status;
        }
        if (got != length) {
            return iotsign_fault_set(
                fault, IOTSIGN_ERROR_IO, "UnexpectedEnd", move->from.position, 0,
                "expected %zu bytes to move, got %zu before the end of the file", length, got);
        }
        status = iotsign_file_write(&move->to, ring, block, length, fault);
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
        .work = shift, .consume = ignore, .context = &move, .progress = *progress,
        .block_size = IOTSIGN_RING_BLOCK_SIZE, .threaded = true};

    iotsign_status_t status = iotsign_file_open_at(&move.from, descriptor, start, fault);
    if (status != IOTSIGN_OK) {
        return status;
    }
    move.to = move.from;
    return iotsign_ring_run(&job, fault);
}
