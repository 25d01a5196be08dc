/* SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/detached.h"

#include "evidence.h"
#include "memory.h"

/* The signed bytes, read and hashed once, or handed to the scheme. */
static iotsign_status_t read_once(const iotsign_detached_t *claim, const iotsign_scratch_t *scratch,
                                  iotsign_hash_context_t *context)
{
    const iotsign_verifier_t *verifier = claim->verifier;
    uint32_t offset = claim->offset;
    uint32_t left = claim->length;

    while (left > 0u) {
        size_t part = left < scratch->buffer_size ? left : scratch->buffer_size;
        iotsign_status_t status = iotsign_region_read(claim->region, offset, scratch->buffer, part);
        if (status != IOTSIGN_OK) {
            return status;
        }
        if (verifier->stream != NULL) {
            verifier->stream->update(scratch->work, scratch->buffer, part);
        } else {
            verifier->hash->update(context, scratch->buffer, part);
        }
        offset += (uint32_t)part;
        left -= (uint32_t)part;
    }
    return IOTSIGN_OK;
}

/* The same, read twice and hashed once. */
static iotsign_status_t read_twice(const iotsign_detached_t *claim, const iotsign_scratch_t *scratch,
                                   iotsign_evidence_t *evidence)
{
    const iotsign_hash_twice_t *twice = claim->verifier->hash->twice;
    const size_t room = iotsign_evidence_room(scratch);
    uint8_t *again = scratch->buffer + room;
    uint32_t offset = claim->offset;
    uint32_t left = claim->length;

    twice->init(&evidence->context);
    while (left > 0u) {
        size_t part = left < room ? left : room;
        iotsign_status_t status = iotsign_region_read(claim->region, offset, scratch->buffer, part);
        if (status == IOTSIGN_OK) {
            /* goes by what the hash has taken in, not by the offset above */
            status = iotsign_region_read(claim->region, claim->offset + twice->position(&evidence->context), again, part);
        }
        if (status != IOTSIGN_OK) {
            return status;
        }
        twice->update(&evidence->context, scratch->buffer, again, part);
        offset += (uint32_t)part;
        left -= (uint32_t)part;
    }
    twice->finish(&evidence->context, evidence->digest);
    return IOTSIGN_OK;
}

iotsign_status_t iotsign_detached_evaluate(const iotsign_detached_t *claim, const iotsign_scratch_t *scratch,
                                           iotsign_reading_t reading, iotsign_evidence_t *evidence)
{
    const iotsign_verifier_t *verifier = claim->verifier;
    const iotsign_hash_class_t *hash = verifier->hash;
    iotsign_hash_context_t context;
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE];
    iotsign_spki_t spki;
    iotsign_status_t status;

    /* step 1: memory suffices, and the key is of the kind that the caller expects */
    if (scratch->buffer_size == 0u || scratch->work_size < verifier->work_size) {
        return IOTSIGN_ERROR_SPACE;
    }
    status = iotsign_spki_parse(claim->spki, claim->spki_length, &spki);
    if (status != IOTSIGN_OK) {
        return status;
    }
    if (spki.kind != verifier->key_kind) {
        return IOTSIGN_ERROR_KEY;
    }
    /* step 2: the bytes */
    if (verifier->stream != NULL) {
        status = verifier->stream->init(scratch->work, spki.key, claim->signature, claim->signature_length);
        if (status == IOTSIGN_OK) {
            status = read_once(claim, scratch, &context);
        }
        return status == IOTSIGN_OK ? verifier->stream->finish(scratch->work) : status;
    }
    if (reading == IOTSIGN_READ_ONCE || hash->twice == NULL || iotsign_evidence_room(scratch) == 0u) {
        hash->init(&context);
        status = read_once(claim, scratch, &context);
        hash->finish(&context, digest);
    } else {
        if (reading == IOTSIGN_READ_TWICE) {
            status = read_twice(claim, scratch, evidence);
        }
        if (status == IOTSIGN_OK && !hash->twice->is_sound(&evidence->context, claim->length)) {
            status = IOTSIGN_ERROR_READ;
        }
        memcpy(digest, evidence->digest, sizeof digest);
    }
    /* step 3: the signature */
    if (status != IOTSIGN_OK) {
        return status;
    }
    return verifier->judge(hash, spki.key, spki.length, digest, claim->signature, claim->signature_length, scratch->work);
}

iotsign_status_t iotsign_detached_verify(const iotsign_detached_t *claim, const iotsign_scratch_t *scratch)
{
    return iotsign_detached_evaluate(claim, scratch, IOTSIGN_READ_ONCE, NULL);
}
