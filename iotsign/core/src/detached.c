/* SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/detached.h"

iotsign_status_t iotsign_detached_verify(const iotsign_detached_t *claim, const iotsign_scratch_t *scratch)
{
    const iotsign_verifier_t *verifier = claim->verifier;
    const iotsign_stream_t *stream = verifier->stream;
    iotsign_hash_context_t context;
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE];
    uint32_t offset = claim->offset;
    uint32_t left = claim->length;
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
    if (stream != NULL) {
        status = stream->init(scratch->work, spki.key, claim->signature, claim->signature_length);
        if (status != IOTSIGN_OK) {
            return status;
        }
    } else {
        verifier->hash->init(&context);
    }
    while (left > 0u) {
        size_t part = left < scratch->buffer_size ? left : scratch->buffer_size;
        status = iotsign_region_read(claim->region, offset, scratch->buffer, part);
        if (status != IOTSIGN_OK) {
            return status;
        }
        if (stream != NULL) {
            stream->update(scratch->work, scratch->buffer, part);
        } else {
            verifier->hash->update(&context, scratch->buffer, part);
        }
        offset += (uint32_t)part;
        left -= (uint32_t)part;
    }
    /* step 3: the signature */
    if (stream != NULL) {
        return stream->finish(scratch->work);
    }
    verifier->hash->finish(&context, digest);
    return verifier->judge(verifier->hash, spki.key, spki.length, digest, claim->signature, claim->signature_length,
                           scratch->work);
}
