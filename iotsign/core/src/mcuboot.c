/* MCUboot images (MCUboot bootutil/image.h, docs/design.md "Image Format").
 * SPDX-License-Identifier: Apache-2.0
 *
 * header | payload | protected TLVs | TLVs. The first three are signed, as the hash over them. Nothing that is read twice
 * is believed twice: header and protected TLVs are parsed from the very bytes that the hash takes in. */
#include "iotsign/mcuboot.h"

#include "evidence.h"
#include "memory.h"

#define IMAGE_MAGIC 0x96f3b83du
#define HEADER_SIZE 32u
#define INFO_MAGIC 0x6907u
#define PROTECTED_INFO_MAGIC 0x6908u
#define HEAD_SIZE 4u /* of a TLV area: magic and total size; of a TLV: type and length */
#define ENTRY_BUFFER_SIZE 32u

enum {
    TLV_KEYHASH = 0x01,
    TLV_PUBKEY = 0x02,
    TLV_SHA256 = 0x10,
    TLV_SHA384 = 0x11,
    TLV_SHA512 = 0x12,
    TLV_RSA2048_PSS = 0x20,
    TLV_ECDSA = 0x22,
    TLV_RSA3072_PSS = 0x23,
    TLV_ED25519 = 0x24,
    TLV_SIG_PURE = 0x25,
    TLV_ENC_FIRST = 0x30, /* ENC_RSA2048, ENC_KW, ENC_EC256, ENC_X25519, ENC_X25519_SHA512 */
    TLV_ENC_LAST = 0x34,
    TLV_DEPENDENCY = 0x40,
    TLV_SEC_CNT = 0x50
};

typedef struct {
    uint32_t type;
    uint32_t offset; /* of the data */
    uint32_t length;
} tlv_t;

/* One verification. */
typedef struct {
    const iotsign_region_t *region;
    const iotsign_mcuboot_policy_t *policy;
    const iotsign_scratch_t *scratch;
    iotsign_mcuboot_image_t *image;
    uint8_t header[HEADER_SIZE];
    uint32_t protected_offset; /* of the protected TLVs, and of the TLVs if there are none */
    const iotsign_hash_class_t *hash;
    int is_pure;
    iotsign_hash_context_t context;
    const iotsign_stream_t *stream; /* takes in what the hash takes in; NULL: nobody */
    iotsign_reading_t wanted;       /* how the signed bytes are to be read if they can be */
    iotsign_reading_t reading;      /* and how they are */
    iotsign_evidence_t *evidence;   /* NULL if they are wanted read once */
} check_t;

static uint32_t le16(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8;
}

static uint32_t le32(const uint8_t *bytes)
{
    return le16(bytes) | le16(bytes + 2) << 16;
}

static void get_version(iotsign_mcuboot_version_t *version, const uint8_t *bytes)
{
    version->major = bytes[0];
    version->minor = bytes[1];
    version->revision = (uint16_t)le16(bytes + 2);
    version->build = le32(bytes + 4);
}

/* Step 1: header and sizes. */
static iotsign_status_t read_header(check_t *check)
{
    iotsign_mcuboot_image_t *image = check->image;
    uint8_t head[HEAD_SIZE];
    uint32_t left = check->region->size;
    uint32_t protected_size, total;
    iotsign_status_t status = iotsign_region_read(check->region, 0u, check->header, HEADER_SIZE);

    if (status != IOTSIGN_OK) {
        return status;
    }
    if (le32(check->header) != IMAGE_MAGIC) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    image->load_address = le32(check->header + 4);
    image->header_size = le16(check->header + 8);
    protected_size = le16(check->header + 10);
    image->payload_size = le32(check->header + 12);
    image->flags = le32(check->header + 16);
    get_version(&image->version, check->header + 20);
    if (image->header_size < HEADER_SIZE || image->header_size > left ||
        (protected_size != 0u && protected_size < HEAD_SIZE)) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    left -= image->header_size;
    if (image->payload_size > left || protected_size > left - image->payload_size) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    left -= image->payload_size + protected_size;
    check->protected_offset = image->header_size + image->payload_size;
    image->signed_size = check->protected_offset + protected_size;
    status = iotsign_region_read(check->region, image->signed_size, head, HEAD_SIZE);
    if (status != IOTSIGN_OK) {
        return status;
    }
    total = le16(head + 2);
    if (le16(head) != INFO_MAGIC || total < HEAD_SIZE || total > left) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    image->size = image->signed_size + total;
    return (image->flags & ~check->policy->accepted_flags) == 0u ? IOTSIGN_OK : IOTSIGN_ERROR_UNSUPPORTED;
}

/* The TLV at *offset of an area that ends at `end`, from its head; moves *offset behind it. */
static iotsign_status_t take_head(const uint8_t head[HEAD_SIZE], uint32_t *offset, uint32_t end, tlv_t *tlv)
{
    tlv->type = le16(head);
    tlv->length = le16(head + 2);
    tlv->offset = *offset + HEAD_SIZE;
    if (tlv->length > end - tlv->offset) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    *offset = tlv->offset + tlv->length;
    return IOTSIGN_OK;
}

/* The unprotected TLV at *offset, which is not the end. */
static iotsign_status_t take_tlv(const check_t *check, uint32_t *offset, tlv_t *tlv)
{
    uint8_t head[HEAD_SIZE];
    iotsign_status_t status;

    if (check->image->size - *offset < HEAD_SIZE) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    status = iotsign_region_read(check->region, *offset, head, HEAD_SIZE);
    return status == IOTSIGN_OK ? take_head(head, offset, check->image->size, tlv) : status;
}

static uint32_t hash_type(const iotsign_hash_class_t *hash)
{
    return TLV_SHA256 + ((uint32_t)hash->digest_size - IOTSIGN_SHA256_SIZE) / 16u;
}

static int is_signature(uint32_t type)
{
    return type == TLV_RSA2048_PSS || type == TLV_ECDSA || type == TLV_RSA3072_PSS || type == TLV_ED25519;
}

static iotsign_status_t find_hash(check_t *check, uint32_t type)
{
    for (size_t i = 0; i < check->policy->verifier_count; i++) {
        const iotsign_hash_class_t *hash = check->policy->verifiers[i].hash;
        if (hash->digest_size >= IOTSIGN_SHA256_SIZE && hash_type(hash) == type) {
            check->hash = hash;
            check->image->digest_size = (uint8_t)hash->digest_size;
            return IOTSIGN_OK;
        }
    }
    return IOTSIGN_ERROR_UNSUPPORTED;
}

/* Step 2: the TLVs that nothing covers are of the expected types, and which digest the image claims. */
static iotsign_status_t read_claims(check_t *check, uint8_t digest[IOTSIGN_HASH_MAX_SIZE])
{
    uint32_t offset = check->image->signed_size + HEAD_SIZE;
    iotsign_status_t status;
    tlv_t tlv;

    while (offset != check->image->size) {
        status = take_tlv(check, &offset, &tlv);
        if (status != IOTSIGN_OK) {
            return status;
        }
        if (tlv.type >= TLV_SHA256 && tlv.type <= TLV_SHA512) {
            if (check->hash != NULL) {
                return IOTSIGN_ERROR_MALFORMED;
            }
            status = find_hash(check, tlv.type);
            if (status != IOTSIGN_OK) {
                return status;
            }
            if (tlv.length != check->hash->digest_size) {
                return IOTSIGN_ERROR_MALFORMED;
            }
            status = iotsign_region_read(check->region, tlv.offset, digest, tlv.length);
            if (status != IOTSIGN_OK) {
                return status;
            }
        } else if (tlv.type == TLV_SIG_PURE) {
            uint8_t value;
            if (check->is_pure || tlv.length != 1u) {
                return IOTSIGN_ERROR_MALFORMED;
            }
            status = iotsign_region_read(check->region, tlv.offset, &value, 1u);
            if (status != IOTSIGN_OK) {
                return status;
            }
            if (value != 1u) {
                return IOTSIGN_ERROR_MALFORMED;
            }
            check->is_pure = 1;
        } else if (tlv.type != TLV_KEYHASH && tlv.type != TLV_PUBKEY && !is_signature(tlv.type) &&
                   (tlv.type < TLV_ENC_FIRST || tlv.type > TLV_ENC_LAST)) {
            return IOTSIGN_ERROR_MALFORMED;
        }
    }
    return check->hash != NULL ? IOTSIGN_OK : IOTSIGN_ERROR_MALFORMED;
}

static iotsign_status_t absorb(check_t *check, const void *data, size_t length)
{
    const iotsign_hash_twice_t *twice = check->hash->twice;
    iotsign_hash_context_t *context;
    uint8_t *again;
    iotsign_status_t status = IOTSIGN_OK;

    if (check->reading == IOTSIGN_READ_TWICE) {
        /* the second reading goes by what the hash has taken in, not by an offset of this file */
        context = &check->evidence->context;
        again = check->scratch->buffer + iotsign_evidence_room(check->scratch);
        status = iotsign_region_read(check->region, twice->position(context), again, length);
        twice->update(context, data, again, length);
    } else if (check->reading == IOTSIGN_READ_ONCE) {
        check->hash->update(&check->context, data, length);
        if (check->stream != NULL) {
            check->stream->update(check->scratch->work, data, length);
        }
    }
    return status;
}

static iotsign_status_t absorb_region(check_t *check, uint32_t offset, uint32_t length)
{
    const iotsign_scratch_t *scratch = check->scratch;
    size_t room = check->reading == IOTSIGN_READ_TWICE ? iotsign_evidence_room(scratch) : scratch->buffer_size;

    while (length > 0u && check->reading != IOTSIGN_RELY) {
        size_t excess = offset % IOTSIGN_EVIDENCE_ALIGN;
        size_t part = room > excess ? room - excess : room;
        iotsign_status_t status;
        if (part > length) {
            part = length;
        }
        status = iotsign_region_read(check->region, offset, scratch->buffer, part);
        if (status == IOTSIGN_OK) {
            status = absorb(check, scratch->buffer, part);
        }
        if (status != IOTSIGN_OK) {
            return status;
        }
        offset += (uint32_t)part;
        length -= (uint32_t)part;
    }
    return IOTSIGN_OK;
}

/* Reads and absorbs what is then parsed; length is at most ENTRY_BUFFER_SIZE. */
static iotsign_status_t absorb_entry(check_t *check, uint32_t offset, uint8_t *bytes, size_t length)
{
    iotsign_status_t status = iotsign_region_read(check->region, offset, bytes, length);

    return status == IOTSIGN_OK ? absorb(check, bytes, length) : status;
}

static iotsign_status_t absorb_protected(check_t *check)
{
    iotsign_mcuboot_image_t *image = check->image;
    const uint32_t end = image->signed_size;
    uint32_t offset = check->protected_offset;
    uint8_t entry[ENTRY_BUFFER_SIZE];
    iotsign_status_t status = absorb_entry(check, offset, entry, HEAD_SIZE);
    tlv_t tlv;

    if (status != IOTSIGN_OK) {
        return status;
    }
    if (le16(entry) != PROTECTED_INFO_MAGIC || le16(entry + 2) != end - offset) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    offset += HEAD_SIZE;
    while (offset != end) {
        if (end - offset < HEAD_SIZE) {
            return IOTSIGN_ERROR_MALFORMED;
        }
        status = absorb_entry(check, offset, entry, HEAD_SIZE);
        if (status == IOTSIGN_OK) {
            status = take_head(entry, &offset, end, &tlv);
        }
        if (status != IOTSIGN_OK) {
            return status;
        }
        if (tlv.type == TLV_SEC_CNT) {
            if (tlv.length != 4u || image->has_security_counter != 0u) {
                return IOTSIGN_ERROR_MALFORMED;
            }
            status = absorb_entry(check, tlv.offset, entry, 4u);
            image->security_counter = le32(entry);
            image->has_security_counter = 1u;
        } else if (tlv.type == TLV_DEPENDENCY) {
            iotsign_mcuboot_dependency_t *dependency = &image->dependencies[image->dependency_count];
            if (tlv.length != 12u) {
                return IOTSIGN_ERROR_MALFORMED;
            }
            if (image->dependency_count == IOTSIGN_MCUBOOT_MAX_DEPENDENCIES) {
                return IOTSIGN_ERROR_SPACE;
            }
            status = absorb_entry(check, tlv.offset, entry, 12u);
            dependency->image = entry[0];
            get_version(&dependency->version, entry + 4);
            image->dependency_count++;
        } else {
            status = absorb_region(check, tlv.offset, tlv.length);
        }
        if (status != IOTSIGN_OK) {
            return status;
        }
    }
    return IOTSIGN_OK;
}

/* Step 3: the signed bytes, their digest, and what the protected TLVs say. */
static iotsign_status_t digest_image(check_t *check)
{
    iotsign_mcuboot_image_t *image = check->image;
    const iotsign_hash_twice_t *twice = check->hash->twice;
    iotsign_status_t status;

    image->has_security_counter = 0u;
    image->dependency_count = 0u;
    check->hash->init(&check->context);
    check->reading = IOTSIGN_READ_ONCE;
    if (twice != NULL && !check->is_pure && iotsign_evidence_room(check->scratch) != 0u) {
        check->reading = check->wanted;
    }
    if (check->reading == IOTSIGN_READ_TWICE) {
        twice->init(&check->evidence->context);
    }
    status = absorb(check, check->header, HEADER_SIZE);
    if (status == IOTSIGN_OK) {
        status = absorb_region(check, HEADER_SIZE, check->protected_offset - HEADER_SIZE);
    }
    if (status == IOTSIGN_OK && check->protected_offset != image->signed_size) {
        status = absorb_protected(check);
    }
    if (check->reading == IOTSIGN_READ_ONCE) {
        check->hash->finish(&check->context, image->digest);
        return status;
    }
    if (check->reading == IOTSIGN_READ_TWICE) {
        twice->finish(&check->evidence->context, check->evidence->digest);
    }
    memcpy(image->digest, check->evidence->digest, sizeof image->digest);
    if (status == IOTSIGN_OK && !twice->is_sound(&check->evidence->context, image->signed_size)) {
        status = IOTSIGN_ERROR_READ;
    }
    return status;
}

/* A trusted key. */
typedef struct {
    iotsign_spki_t spki; /* length 0: none */
    size_t buffered;     /* bytes of the scratch buffer that it occupies */
} key_t;

/* The key that an anchor holds or, for a hash of the key that the record embeds, the record's key in the scratch buffer; none
 * if this anchor is not meant. `id` is the record's hash. */
static iotsign_status_t match_anchor(check_t *check, const iotsign_trust_anchor_t *anchor, const tlv_t *record,
                                     uint32_t signature_type, const uint8_t *id, key_t *found)
{
    iotsign_spki_t *spki = &found->spki;
    const size_t size = check->hash->digest_size;
    const uint8_t *key = anchor->data;
    size_t length = anchor->length;
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE];
    iotsign_status_t status;

    if (anchor->kind == IOTSIGN_ANCHOR_KEY) {
        if (iotsign_spki_parse(key, length, spki) != IOTSIGN_OK) {
            return IOTSIGN_ERROR_KEY;
        }
        if (spki->kind == IOTSIGN_KEY_RSA) {
            key = spki->key;
            length = spki->length;
        }
    } else {
        if (record->type != TLV_PUBKEY || length != size || memcmp(id, key, size) != 0) {
            return IOTSIGN_OK;
        }
        key = check->scratch->buffer;
        length = record->length;
        if (length > check->scratch->buffer_size) {
            return IOTSIGN_ERROR_SPACE;
        }
        status = iotsign_region_read(check->region, record->offset, check->scratch->buffer, length);
        if (status != IOTSIGN_OK) {
            return status;
        }
        if (signature_type == TLV_RSA2048_PSS || signature_type == TLV_RSA3072_PSS) {
            spki->kind = IOTSIGN_KEY_RSA;
            spki->key = key;
            spki->length = length;
        } else if (iotsign_spki_parse(key, length, spki) != IOTSIGN_OK) {
            return IOTSIGN_ERROR_KEY;
        }
        found->buffered = length;
    }
    /* of the embedded key's second reading, too */
    check->hash->init(&check->context);
    check->hash->update(&check->context, key, length);
    check->hash->finish(&check->context, digest);
    if (memcmp(id, digest, size) != 0) {
        spki->length = 0u;
    }
    return IOTSIGN_OK;
}

/* The trusted key that a KEYHASH or PUBKEY record means, if it means one. */
static iotsign_status_t find_key(check_t *check, const tlv_t *record, uint32_t signature_type, key_t *key)
{
    uint8_t id[IOTSIGN_HASH_MAX_SIZE];
    iotsign_status_t status;

    key->spki.length = 0u;
    key->buffered = 0u;
    if (record->type == TLV_KEYHASH) {
        if (record->length != check->hash->digest_size) {
            return IOTSIGN_OK;
        }
        status = iotsign_region_read(check->region, record->offset, id, record->length);
    } else {
        check->stream = NULL;
        check->reading = IOTSIGN_READ_ONCE;
        check->hash->init(&check->context);
        status = absorb_region(check, record->offset, record->length);
        check->hash->finish(&check->context, id);
    }
    for (size_t i = 0; status == IOTSIGN_OK && key->spki.length == 0u && i < check->policy->anchor_count; i++) {
        status = match_anchor(check, &check->policy->anchors[i], record, signature_type, id, key);
    }
    return status;
}

static const iotsign_verifier_t *find_verifier(const check_t *check, iotsign_key_kind_t kind)
{
    for (size_t i = 0; i < check->policy->verifier_count; i++) {
        const iotsign_verifier_t *verifier = &check->policy->verifiers[i];
        if (verifier->key_kind == kind && verifier->scheme != IOTSIGN_SCHEME_RSA_PKCS1 &&
            verifier->hash->digest_size == check->hash->digest_size && (!check->is_pure || verifier->stream != NULL)) {
            return verifier;
        }
    }
    return NULL;
}

/* Whether a signature of this type and length can be by a key of this kind. */
static int fits(const tlv_t *signature, iotsign_key_kind_t kind)
{
    switch (kind) {
    case IOTSIGN_KEY_RSA:
        return (signature->type == TLV_RSA2048_PSS && signature->length == 256u) ||
               (signature->type == TLV_RSA3072_PSS && signature->length == 384u);
    case IOTSIGN_KEY_ED25519:
        return signature->type == TLV_ED25519;
    default:
        return signature->type == TLV_ECDSA;
    }
}

/* Some signers fill ECDSA signatures up with zeros, which DER does not know. */
static size_t trim(const uint8_t *der, size_t length)
{
    while (length > 2u && length > 2u + (size_t)der[1] && der[length - 1u] == 0u) {
        length--;
    }
    return length;
}

/* Step 4, for one signature and the record before it; *is_trusted if it is by a trusted key. */
static iotsign_status_t judge_signature(check_t *check, const tlv_t *record, const tlv_t *signature, int *is_trusted)
{
    const iotsign_scratch_t *scratch = check->scratch;
    const iotsign_verifier_t *verifier;
    uint8_t *bytes = scratch->buffer;
    size_t space = scratch->buffer_size;
    size_t length = signature->length;
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE];
    key_t key;
    iotsign_status_t status = find_key(check, record, signature->type, &key);

    if (status != IOTSIGN_OK || key.spki.length == 0u) {
        return status;
    }
    if (!fits(signature, key.spki.kind)) {
        return IOTSIGN_ERROR_KEY;
    }
    verifier = find_verifier(check, key.spki.kind);
    if (verifier == NULL) {
        return IOTSIGN_ERROR_UNSUPPORTED;
    }
    bytes += key.buffered;
    space -= key.buffered;
    if (length > space || scratch->work_size < verifier->work_size) {
        return IOTSIGN_ERROR_SPACE;
    }
    status = iotsign_region_read(check->region, signature->offset, bytes, length);
    if (status != IOTSIGN_OK) {
        return status;
    }
    if (signature->type == TLV_ECDSA) {
        length = trim(bytes, length);
    }
    if (check->is_pure) {
        status = verifier->stream->init(scratch->work, key.spki.key, bytes, length);
        if (status != IOTSIGN_OK) {
            return status;
        }
        check->stream = verifier->stream;
        memcpy(digest, check->image->digest, sizeof digest);
        status = digest_image(check);
        check->stream = NULL;
        if (status != IOTSIGN_OK) {
            return status;
        }
        if (memcmp(digest, check->image->digest, check->hash->digest_size) != 0) {
            return IOTSIGN_ERROR_DIGEST;
        }
        status = verifier->stream->finish(scratch->work);
    } else {
        status = verifier->judge(verifier->hash, key.spki.key, key.spki.length, check->image->digest, bytes, length, scratch->work);
    }
    *is_trusted = status == IOTSIGN_OK;
    return status;
}

/* Step 4: every signature that names a trusted key, and at least one of them. A key record is for the next signature. */
static iotsign_status_t judge_signatures(check_t *check)
{
    iotsign_status_t verdict = IOTSIGN_ERROR_UNSIGNED;
    uint32_t offset = check->image->signed_size + HEAD_SIZE;
    iotsign_status_t status;
    tlv_t record = {0u, 0u, 0u};
    tlv_t tlv;
    int is_trusted;

    while (offset != check->image->size) {
        status = take_tlv(check, &offset, &tlv);
        if (status != IOTSIGN_OK) {
            return status;
        }
        if (tlv.type == TLV_KEYHASH || tlv.type == TLV_PUBKEY) {
            record = tlv;
        } else if (is_signature(tlv.type)) {
            is_trusted = 0;
            if (record.length != 0u) {
                status = judge_signature(check, &record, &tlv, &is_trusted);
                if (status != IOTSIGN_OK) {
                    return status;
                }
                record.length = 0u;
            }
            if (is_trusted) {
                verdict = IOTSIGN_OK;
            } else if (verdict == IOTSIGN_ERROR_UNSIGNED) {
                verdict = IOTSIGN_ERROR_UNTRUSTED;
            }
        }
    }
    return verdict;
}

static iotsign_status_t verify(check_t *check)
{
    uint8_t claimed[IOTSIGN_HASH_MAX_SIZE];
    iotsign_status_t status;

    if (check->scratch->buffer_size == 0u) {
        return IOTSIGN_ERROR_SPACE;
    }
    status = read_header(check);
    if (status == IOTSIGN_OK) {
        status = read_claims(check, claimed);
    }
    if (status == IOTSIGN_OK) {
        status = digest_image(check);
    }
    if (status != IOTSIGN_OK) {
        return status;
    }
    if (memcmp(claimed, check->image->digest, check->hash->digest_size) != 0) {
        return IOTSIGN_ERROR_DIGEST;
    }
    return judge_signatures(check);
}

iotsign_status_t iotsign_mcuboot_evaluate(const iotsign_region_t *region, const iotsign_mcuboot_policy_t *policy,
                                          const iotsign_scratch_t *scratch, iotsign_mcuboot_image_t *image,
                                          iotsign_reading_t reading, iotsign_evidence_t *evidence)
{
    iotsign_status_t status;
    check_t check;

    memset(image, 0, sizeof *image);
    memset(&check, 0, sizeof check);
    check.region = region;
    check.policy = policy;
    check.scratch = scratch;
    check.image = image;
    check.wanted = reading;
    check.evidence = evidence;
    status = verify(&check);
    if (status != IOTSIGN_OK) {
        memset(image, 0, sizeof *image);
    }
    return status;
}

iotsign_status_t iotsign_mcuboot_verify(const iotsign_region_t *region, const iotsign_mcuboot_policy_t *policy,
                                        const iotsign_scratch_t *scratch, iotsign_mcuboot_image_t *image)
{
    return iotsign_mcuboot_evaluate(region, policy, scratch, image, IOTSIGN_READ_ONCE, NULL);
}
