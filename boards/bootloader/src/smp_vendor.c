/* SMP group 64, our own: who is this device, what lies in its slots, is an update signed.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "bootloader/board.h"
#include "bootloader/boot.h"
#include "bootloader/provisioning.h"
#include "iotsign/detached.h"
#include "iotsign/sha256.h"
#include "smp_server.h"

#define IDENTITY 0u
#define DIGEST 1u
#define VERIFY 2u
#define ATTEST 3u
#define READ_BACK 4u

#define NONCE_MIN 16u
#define NONCE_MAX 64u
#define ATTEST_KEY_SIZE 32u
#define HMAC_BLOCK 64u

static int equals(const iotsign_smp_request_t *request, iotsign_smp_key_t key, const char *text)
{
    uint32_t length = request->fields.value[key];
    for (uint32_t i = 0; i < length; i++) {
        if (text[i] == '\0' || request->fields.data[key][i] != (uint8_t)text[i]) {
            return 0;
        }
    }
    return text[length] == '\0';
}

static const uint8_t *first_entry(const iotsign_provisioning_t *page, iotsign_entry_t type, uint16_t *length)
{
    uint16_t at = 0;
    return iotsign_provisioning_next(page, type, &at, length);
}

static void put_id(iotsign_cbor_t *reply, const uint8_t *id, uint16_t length)
{
    if (id != NULL) {
        iotsign_cbor_put_text(reply, "id");
        iotsign_cbor_put_string(reply, id, length);
    }
}

static iotsign_smp_error_t identity(iotsign_cbor_t *reply)
{
    iotsign_provisioning_t page;
    uint32_t counter;
    uint16_t id_length;
    uint16_t signer_length;
    (void)iotsign_provisioning_load(&page); /* a device without a page has no entries, and says so */
    const uint8_t *id = first_entry(&page, IOTSIGN_ENTRY_DEVICE_ID, &id_length);
    const uint8_t *signer = first_entry(&page, IOTSIGN_ENTRY_CODE_SIGNER, &signer_length);
    if (iotsign_counter_read(&counter) != 0) {
        return IOTSIGN_VENDOR_FLASH;
    }
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 3u + (id != NULL ? 1u : 0u) + (signer != NULL ? 1u : 0u));
    iotsign_cbor_put_text(reply, "board");
    iotsign_cbor_put_text(reply, iotsign_board_layout.board);
    put_id(reply, id, id_length);
    iotsign_cbor_put_text(reply, "version");
    iotsign_cbor_put_text(reply, IOTSIGN_BOOT_VERSION);
    iotsign_cbor_put_uint(reply, "counter", counter);
    if (signer != NULL) {
        iotsign_sha256_t hash;
        uint8_t digest[IOTSIGN_SHA256_SIZE];
        iotsign_sha256_init(&hash);
        iotsign_sha256_update(&hash, signer, signer_length);
        iotsign_sha256_finish(&hash, digest);
        iotsign_cbor_put_text(reply, "code_signer");
        iotsign_cbor_put_bytes(reply, digest, sizeof digest);
    }
    return IOTSIGN_SMP_OK;
}

/* The region that "slot" or "off", and "len" name, as an offset in the flash; it lies in one of the slots. */
static int find_region(const iotsign_smp_request_t *request, uint32_t *offset, uint32_t *length)
{
    const iotsign_smp_fields_t *fields = &request->fields;
    uint32_t slot = fields->value[IOTSIGN_KEY_SLOT];
    *offset = fields->value[IOTSIGN_KEY_OFF];
    *length = fields->value[IOTSIGN_KEY_LEN];
    if (iotsign_smp_has(request, IOTSIGN_KEY_SLOT)) {
        if (slot > 1u || iotsign_smp_has(request, IOTSIGN_KEY_OFF)) {
            return -1;
        }
        *offset = iotsign_smp_area(slot)->offset;
        if (!iotsign_smp_has(request, IOTSIGN_KEY_LEN)) {
            *length = iotsign_boot_image_size(iotsign_smp_area(slot));
        }
    }
    for (slot = 0; slot < 2u; slot++) {
        const iotsign_area_t *area = iotsign_smp_area(slot);
        if (*offset >= area->offset && *offset - area->offset < area->size) {
            return *length != 0u && *length <= area->size - (*offset - area->offset) ? 0 : -1;
        }
    }
    return -1;
}

#ifdef IOTSIGN_SMP_READ_BACK
static int is_answered(uint32_t offset, uint32_t length)
{
    (void)offset;
    (void)length;
    return 1;
}
#else
/* A digest of any few bytes would give the flash away byte by byte: whole images, whole uploads and whole sectors only. */
static int is_answered(uint32_t offset, uint32_t length)
{
    uint32_t sector = iotsign_board_layout.sector_size;
    for (uint32_t slot = 0; slot < 2u; slot++) {
        if (offset == iotsign_smp_area(slot)->offset && length == iotsign_boot_image_size(iotsign_smp_area(slot))) {
            return 1;
        }
    }
    return (offset % sector == 0u && length % sector == 0u) ||
           (offset == iotsign_smp_area(1)->offset && length == iotsign_smp_received());
}
#endif

static iotsign_smp_error_t digest_region(const iotsign_smp_request_t *request, iotsign_cbor_t *reply)
{
    uint8_t digest[IOTSIGN_SHA256_SIZE];
    uint32_t offset;
    uint32_t length;
    if (iotsign_smp_has(request, IOTSIGN_KEY_HASH) && !equals(request, IOTSIGN_KEY_HASH, "SHA256")) {
        return IOTSIGN_VENDOR_ALGORITHM;
    }
    if (find_region(request, &offset, &length) != 0 || !is_answered(offset, length)) {
        return IOTSIGN_VENDOR_REGION;
    }
    if (iotsign_smp_hash(offset, length, digest) != 0) {
        return IOTSIGN_VENDOR_FLASH;
    }
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 2);
    iotsign_cbor_put_text(reply, "sha256");
    iotsign_cbor_put_bytes(reply, digest, sizeof digest);
    iotsign_cbor_put_uint(reply, "len", length);
    return IOTSIGN_SMP_OK;
}

static size_t read_area(void *context, uint32_t offset, void *buffer, size_t length)
{
    const iotsign_area_t *area = context;
    return iotsign_flash_read(area->offset + offset, buffer, length) == 0 ? length : 0u;
}

/* The signed bytes must be all that was received and all that will boot. */
static int length_is_right(const iotsign_smp_request_t *request, uint32_t *length)
{
    uint32_t image = iotsign_boot_image_size(iotsign_smp_area(1));
    uint32_t received = iotsign_smp_received();
    *length = request->fields.value[IOTSIGN_KEY_LEN];
    return image != 0u && *length >= image && *length == (received != 0u ? received : image);
}

static iotsign_smp_error_t verify(const iotsign_smp_request_t *request, iotsign_cbor_t *reply)
{
    static const iotsign_verifier_t verifier = IOTSIGN_VERIFIER_P256(iotsign_sha256_class);
    iotsign_provisioning_t page;
    uint8_t buffer[128]; /* two blocks of the hash: read twice */
    iotsign_area_t area = *iotsign_smp_area(1);
    const iotsign_region_t region = {read_area, &area, area.size};
    const iotsign_scratch_t scratch = {buffer, sizeof buffer, NULL, 0};
    iotsign_detached_t claim = {&region, 0, 0, &verifier, NULL, 0, NULL, 0};
    uint16_t at = 0;
    uint16_t key_length;
    iotsign_smp_approve(0);
    if (request->fields.value[IOTSIGN_KEY_SLOT] != 1u) {
        return IOTSIGN_VENDOR_REGION;
    }
    if (!equals(request, IOTSIGN_KEY_ALG, "SHA256withECDSA")) {
        return IOTSIGN_VENDOR_ALGORITHM;
    }
    if (!length_is_right(request, &claim.length)) {
        return IOTSIGN_VENDOR_LENGTH;
    }
    claim.signature = request->fields.data[IOTSIGN_KEY_SIG];
    claim.signature_length = request->fields.value[IOTSIGN_KEY_SIG];
    (void)iotsign_provisioning_load(&page);
    iotsign_smp_error_t error = IOTSIGN_VENDOR_NO_SIGNER;
    while ((claim.spki = iotsign_provisioning_next(&page, IOTSIGN_ENTRY_CODE_SIGNER, &at, &key_length)) != NULL) {
        volatile uint32_t verdict = 0;
        claim.spki_length = key_length;
        verdict = iotsign_detached_verify_hardened(&claim, &scratch);
        if (iotsign_verdict_is_trusted(verdict)) {
            iotsign_smp_approve(verdict);
            iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 0);
            return IOTSIGN_SMP_OK;
        }
        error = IOTSIGN_VENDOR_SIGNATURE;
    }
    return error;
}

/* Source: RFC 2104 §2; the key is shorter than a block. */
static void hmac(const uint8_t key[ATTEST_KEY_SIZE], const uint8_t *data, size_t length, uint8_t mac[IOTSIGN_SHA256_SIZE])
{
    iotsign_sha256_t hash;
    uint8_t block[HMAC_BLOCK];
    for (unsigned pass = 0; pass < 2u; pass++) {
        for (unsigned i = 0; i < HMAC_BLOCK; i++) {
            block[i] = (uint8_t)((i < ATTEST_KEY_SIZE ? key[i] : 0u) ^ (pass == 0u ? 0x36u : 0x5cu));
        }
        iotsign_sha256_init(&hash);
        iotsign_sha256_update(&hash, block, sizeof block);
        iotsign_sha256_update(&hash, pass == 0u ? data : mac, pass == 0u ? length : IOTSIGN_SHA256_SIZE);
        iotsign_sha256_finish(&hash, mac);
    }
}

static iotsign_smp_error_t put_slots(iotsign_cbor_t *reply)
{
    iotsign_smp_slot_t slots[2];
    if (iotsign_smp_read_slot(0, &slots[0]) != 0 || iotsign_smp_read_slot(1, &slots[1]) != 0) {
        return IOTSIGN_VENDOR_FLASH;
    }
    iotsign_cbor_put_text(reply, "slots");
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_ARRAY, (slots[0].size != 0u ? 1u : 0u) + (slots[1].size != 0u ? 1u : 0u));
    for (uint32_t i = 0; i < 2u; i++) {
        uint8_t digest[IOTSIGN_SHA256_SIZE];
        if (slots[i].size == 0u) {
            continue;
        }
        if (iotsign_smp_hash(iotsign_smp_area(i)->offset, slots[i].size, digest) != 0) {
            return IOTSIGN_VENDOR_FLASH;
        }
        iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 3);
        iotsign_cbor_put_uint(reply, "slot", i);
        iotsign_cbor_put_text(reply, "version");
        iotsign_smp_put_version(reply, slots[i].version);
        iotsign_cbor_put_text(reply, "sha256");
        iotsign_cbor_put_bytes(reply, digest, sizeof digest);
    }
    return IOTSIGN_SMP_OK;
}

/* The HMAC covers the answer's body up to the key "hmac": the nonce stands first in it. */
static iotsign_smp_error_t attest(const iotsign_smp_request_t *request, iotsign_cbor_t *reply)
{
    iotsign_provisioning_t page;
    uint8_t nonce[NONCE_MAX];
    uint32_t nonce_length = request->fields.value[IOTSIGN_KEY_NONCE];
    uint16_t id_length;
    uint16_t key_length;
    if (nonce_length < NONCE_MIN || nonce_length > NONCE_MAX) {
        return IOTSIGN_VENDOR_NONCE;
    }
    memcpy(nonce, request->fields.data[IOTSIGN_KEY_NONCE], nonce_length);
    (void)iotsign_provisioning_load(&page);
    const uint8_t *id = first_entry(&page, IOTSIGN_ENTRY_DEVICE_ID, &id_length);
    const uint8_t *key = first_entry(&page, IOTSIGN_ENTRY_ATTEST_KEY, &key_length);
    int has_key = key != NULL && key_length == ATTEST_KEY_SIZE;
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 2u + (id != NULL ? 1u : 0u) + (has_key ? 1u : 0u));
    iotsign_cbor_put_text(reply, "nonce");
    iotsign_cbor_put_bytes(reply, nonce, nonce_length);
    put_id(reply, id, id_length);
    iotsign_smp_error_t error = put_slots(reply);
    if (error == IOTSIGN_SMP_OK && has_key && reply->length <= reply->capacity) {
        uint8_t mac[IOTSIGN_SHA256_SIZE];
        hmac(key, reply->bytes, reply->length, mac);
        iotsign_cbor_put_text(reply, "hmac");
        iotsign_cbor_put_bytes(reply, mac, sizeof mac);
    }
    return error;
}

#ifdef IOTSIGN_SMP_READ_BACK
static iotsign_smp_error_t read_back(const iotsign_smp_request_t *request, iotsign_cbor_t *reply)
{
    uint32_t offset;
    uint32_t length;
    if (find_region(request, &offset, &length) != 0) {
        return IOTSIGN_VENDOR_REGION;
    }
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 1);
    iotsign_cbor_put_text(reply, "data");
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_BYTES, length);
    if (length > reply->capacity - reply->length) {
        return IOTSIGN_SMP_TOO_LARGE;
    }
    if (iotsign_flash_read(offset, reply->bytes + reply->length, length) != 0) {
        return IOTSIGN_VENDOR_FLASH;
    }
    reply->length += length;
    return IOTSIGN_SMP_OK;
}
#endif

iotsign_smp_error_t iotsign_smp_vendor(const iotsign_smp_request_t *request, iotsign_cbor_t *reply)
{
    if (request->op == IOTSIGN_SMP_WRITE) {
        return request->id == VERIFY ? verify(request, reply) : IOTSIGN_SMP_NOT_SUPPORTED;
    }
    switch (request->id) {
    case IDENTITY:
        return identity(reply);
    case DIGEST:
        return digest_region(request, reply);
    case ATTEST:
        return attest(request, reply);
#ifdef IOTSIGN_SMP_READ_BACK
    case READ_BACK:
        return read_back(request, reply);
#endif
    default:
        return IOTSIGN_SMP_NOT_SUPPORTED;
    }
}
