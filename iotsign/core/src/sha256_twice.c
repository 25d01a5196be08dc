/* SHA-256 of bytes that come in two readings, for verdicts that one skipped instruction must not change.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only the rounds are done once. Each reading has counters and a block buffer of its own, moved by the same function in two
 * calls, so that what one skip does to the one does not happen to the other; the two meet word by word in the compression. */
#include "iotsign/sha256.h"

#include "compiler.h"
#include "memory.h"
#include "sha256_compress.h"
#include "wire.h"

#define BLOCK_SIZE 64u
#define LENGTH_SIZE 8u

/* What is left of one reading's part of the message. */
typedef struct {
    const uint8_t *bytes;
    size_t length;
} part_t;

void iotsign_sha256_twice_init(iotsign_sha256_twice_t *context)
{
    iotsign_sha256_t start;

    iotsign_sha256_init(&start);
    memset(context, 0, sizeof *context);
    memcpy(context->state, start.state, sizeof context->state);
}

/* The next whole blocks and how many they are; 0 if the rest waits in the buffer for more. */
IOTSIGN_WRAPS static IOTSIGN_OUTLINE const uint8_t *next_blocks(iotsign_sha256_reading_t *reading, part_t *part, size_t *count)
{
    const uint8_t *blocks = part->bytes;
    size_t used = (size_t)(reading->length % BLOCK_SIZE);
    size_t taken = BLOCK_SIZE - used;

    *count = 0;
    if (used == 0 && part->length >= BLOCK_SIZE) {
        *count = part->length / BLOCK_SIZE;
        taken = *count * BLOCK_SIZE;
    } else {
        if (taken > part->length) {
            taken = part->length;
        }
        memcpy(reading->buffer + used, part->bytes, taken);
        if (used + taken == BLOCK_SIZE) {
            blocks = reading->buffer;
            *count = 1;
        }
    }
    part->bytes += taken;
    part->length -= taken;
    reading->length += (uint32_t)taken;
    return blocks;
}

IOTSIGN_WRAPS void iotsign_sha256_twice_update(iotsign_sha256_twice_t *context, const void *data, const void *again, size_t length)
{
    part_t first = {data, length};
    part_t second = {again, length};
    size_t count, count_again;

    do {
        const uint8_t *blocks = next_blocks(&context->first, &first, &count);
        const uint8_t *blocks_again = next_blocks(&context->second, &second, &count_again);
        context->difference |= (uint32_t)(count ^ count_again);
        if (count != 0) {
            context->turns += iotsign_sha256_compress_twice(context->state, blocks, blocks_again, count, &context->difference);
        }
    } while (count != 0);
}

/* Returns how much of it is to be hashed. */
static IOTSIGN_OUTLINE size_t make_padding(const iotsign_sha256_reading_t *reading, uint8_t padding[BLOCK_SIZE + LENGTH_SIZE])
{
    size_t used = (size_t)(reading->length % BLOCK_SIZE);
    size_t zeros = (2 * BLOCK_SIZE - LENGTH_SIZE - 1 - used) % BLOCK_SIZE;

    memset(padding, 0, BLOCK_SIZE + LENGTH_SIZE);
    padding[0] = 0x80;
    iotsign_be64_store(padding + 1 + zeros, (uint64_t)reading->length << 3);
    return 1 + zeros + LENGTH_SIZE;
}

void iotsign_sha256_twice_finish(iotsign_sha256_twice_t *context, uint8_t digest[IOTSIGN_SHA256_SIZE])
{
    uint8_t padding[BLOCK_SIZE + LENGTH_SIZE];
    uint8_t again[BLOCK_SIZE + LENGTH_SIZE];
    size_t length = make_padding(&context->first, padding);

    context->message = context->first.length;
    (void)make_padding(&context->second, again);
    iotsign_sha256_twice_update(context, padding, again, length);
    for (unsigned i = 0; i < 8; i++) {
        iotsign_be32_store(digest + 4 * i, context->state[i]);
    }
}

IOTSIGN_WRAPS int iotsign_sha256_twice_is_sound(const iotsign_sha256_twice_t *context, uint32_t length)
{
    uint32_t blocks = length / BLOCK_SIZE + (length % BLOCK_SIZE + LENGTH_SIZE) / BLOCK_SIZE + 1;

    return context->difference == 0 && context->message == length && context->turns == IOTSIGN_SHA256_TURNS * blocks &&
           context->second.length == BLOCK_SIZE * blocks;
}
