/* SMP group 1: which images there are, and the way of a new one into the secondary slot.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: Zephyr, doc/services/device_mgmt/smp_groups/smp_group_1.rst; the order of the checks is ours. */
#include <string.h>

#include "bootloader/board.h"
#include "bootloader/boot.h"
#include "bootloader/provisioning.h"
#include "iotsign/sha256.h"
#include "smp_server.h"
#include "trailer.h"

#define STATE 0u
#define UPLOAD 1u
#define ERASE 5u
#define SLOT_INFO 6u

#define WORD 8u
#define CHUNK 256u /* bytes read from the flash at a time */
#define IMAGE_MAGIC 0x96f3b83du
#define IMAGE_HEADER 32u
#define VERSION_AT 20u
#define NON_BOOTABLE 0x10u
#define TLV_HEADER 4u
#define TLV_SHA256 0x10u

static struct {
    uint32_t length;  /* of the whole image, bytes; 0: no upload */
    uint32_t offset;  /* received so far */
    uint32_t erased;  /* bytes of the slot that are blank or new */
    uint32_t verdict; /* IOTSIGN_TRUSTED: a code signer has signed what was received */
    uint8_t tail[WORD]; /* received, and too few to write */
    uint8_t sha[IOTSIGN_SHA256_SIZE];
    uint8_t has_sha;
} upload;

void iotsign_smp_forget_upload(void)
{
    memset(&upload, 0, sizeof upload);
}

uint32_t iotsign_smp_received(void)
{
    return upload.offset == upload.length ? upload.length : 0u;
}

void iotsign_smp_approve(uint32_t verdict)
{
    upload.verdict = verdict;
}

const iotsign_area_t *iotsign_smp_area(uint32_t slot)
{
    return slot == 0u ? &iotsign_board_layout.primary : &iotsign_board_layout.secondary;
}

static uint32_t load32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

int iotsign_smp_read_slot(uint32_t slot, iotsign_smp_slot_t *found)
{
    const iotsign_area_t *area = iotsign_smp_area(slot);
    uint8_t header[IMAGE_HEADER];
    memset(found, 0, sizeof *found);
    uint32_t size = iotsign_boot_image_size(area);
    int status = iotsign_flash_read(area->offset, header, sizeof header);
    if (size == 0u || status != 0) {
        return status;
    }
    uint32_t sizes = load32(header + 8); /* of the header, and of the protected TLVs */
    uint32_t at = (sizes & 0xffffu) + (sizes >> 16) + load32(header + 12) + TLV_HEADER;
    found->size = size;
    found->flags = load32(header + 16);
    memcpy(found->version, header + VERSION_AT, sizeof found->version);
    while (status == 0 && !found->has_hash && at + TLV_HEADER + sizeof found->hash <= size) {
        status = iotsign_flash_read(area->offset + at, header, TLV_HEADER);
        uint32_t record = load32(header); /* u16 type, u16 length */
        if (status == 0 && record == (TLV_SHA256 | (uint32_t)sizeof found->hash << 16)) {
            status = iotsign_flash_read(area->offset + at + TLV_HEADER, found->hash, sizeof found->hash);
            found->has_hash = 1;
        }
        at += TLV_HEADER + (record >> 16);
    }
    return status;
}

int iotsign_smp_hash(uint32_t offset, uint32_t length, uint8_t digest[32])
{
    iotsign_sha256_t hash;
    uint8_t chunk[CHUNK];
    iotsign_sha256_init(&hash);
    while (length > 0u) {
        uint32_t part = length < sizeof chunk ? length : (uint32_t)sizeof chunk;
        int status = iotsign_flash_read(offset, chunk, part);
        if (status != 0) {
            return status;
        }
        iotsign_sha256_update(&hash, chunk, part);
        offset += part;
        length -= part;
    }
    iotsign_sha256_finish(&hash, digest);
    return 0;
}

static size_t put_digits(char *text, uint32_t number)
{
    char digits[10];
    size_t count = 0;
    size_t length = 0;
    do {
        digits[count++] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number != 0u);
    while (count > 0u) {
        text[length++] = digits[--count];
    }
    return length;
}

/* "1.2.3", or "1.2.3.4" with a build number. */
void iotsign_smp_put_version(iotsign_cbor_t *reply, const uint8_t version[8])
{
    char text[32];
    uint32_t parts[4] = {version[0], version[1], load32(version) >> 16, load32(version + 4)};
    size_t length = put_digits(text, parts[0]);
    for (unsigned i = 1; i < 3u + (parts[3] != 0u ? 1u : 0u); i++) {
        text[length++] = '.';
        length += put_digits(text + length, parts[i]);
    }
    iotsign_cbor_put_string(reply, text, length);
}

static iotsign_smp_error_t read_state(iotsign_cbor_t *reply)
{
    iotsign_boot_state_t state;
    iotsign_smp_slot_t slots[2];
    if (iotsign_boot_state(&state) != 0 || iotsign_smp_read_slot(0, &slots[0]) != 0 ||
        iotsign_smp_read_slot(1, &slots[1]) != 0) {
        return IOTSIGN_IMAGE_READ_FAILED;
    }
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 2);
    iotsign_cbor_put_text(reply, "images");
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_ARRAY, (slots[0].size != 0u ? 1u : 0u) + (slots[1].size != 0u ? 1u : 0u));
    for (uint32_t i = 0; i < 2u; i++) {
        if (slots[i].size == 0u) {
            continue;
        }
        iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, slots[i].has_hash ? 8 : 7);
        iotsign_cbor_put_uint(reply, "slot", i);
        iotsign_cbor_put_text(reply, "version");
        iotsign_smp_put_version(reply, slots[i].version);
        if (slots[i].has_hash) {
            iotsign_cbor_put_text(reply, "hash");
            iotsign_cbor_put_bytes(reply, slots[i].hash, sizeof slots[i].hash);
        }
        iotsign_cbor_put_bool(reply, "bootable", (slots[i].flags & NON_BOOTABLE) == 0u);
        iotsign_cbor_put_bool(reply, "pending", i == 1u && state.pending);
        iotsign_cbor_put_bool(reply, "confirmed", i == 0u && state.confirmed);
        iotsign_cbor_put_bool(reply, "active", i == 0u);
        iotsign_cbor_put_bool(reply, "permanent", i == 1u && state.permanent);
    }
    iotsign_cbor_put_uint(reply, "splitStatus", 0);
    return IOTSIGN_SMP_OK;
}

static int verifies(uint32_t slot)
{
    iotsign_mcuboot_image_t image;
    volatile uint32_t verdict = 0;
    verdict = iotsign_boot_verify(iotsign_smp_area(slot), &image);
    return iotsign_verdict_is_trusted(verdict) && verdict == IOTSIGN_TRUSTED;
}

/* Whether a provisioned code signer must have signed an update, and has not. */
static int lacks_approval(void)
{
    iotsign_provisioning_t page;
    uint16_t at = 0;
    uint16_t length;
    volatile uint32_t verdict = upload.verdict;
    if (iotsign_provisioning_load(&page) == 0 &&
        iotsign_provisioning_next(&page, IOTSIGN_ENTRY_CODE_SIGNER, &at, &length) == NULL) {
        return 0;
    }
    return !iotsign_verdict_is_trusted(verdict) || verdict != IOTSIGN_TRUSTED;
}

static iotsign_smp_error_t confirm(void)
{
    if (!verifies(0)) {
        return IOTSIGN_IMAGE_DENIED;
    }
    return iotsign_boot_confirm() == 0 ? IOTSIGN_SMP_OK : IOTSIGN_IMAGE_WRITE_FAILED;
}

/* What the primary slot runs on trial has its only way back in the secondary slot. */
static iotsign_smp_error_t check_trial(iotsign_boot_state_t *state, iotsign_smp_error_t refusal)
{
    if (iotsign_boot_resume() != 0 || iotsign_boot_state(state) != 0) {
        return IOTSIGN_IMAGE_READ_FAILED;
    }
    return state->testing ? refusal : IOTSIGN_SMP_OK;
}

static iotsign_smp_error_t set_pending(int permanent)
{
    iotsign_boot_state_t state;
    iotsign_smp_error_t error = check_trial(&state, IOTSIGN_IMAGE_ALREADY_PENDING);
    if (error != IOTSIGN_SMP_OK) {
        return error;
    }
    if (!verifies(1)) {
        return IOTSIGN_IMAGE_DENIED;
    }
    if (lacks_approval()) {
        return IOTSIGN_SMP_ACCESS_DENIED;
    }
    return iotsign_boot_set_pending(permanent) == 0 ? IOTSIGN_SMP_OK : IOTSIGN_IMAGE_WRITE_FAILED;
}

static iotsign_smp_error_t write_state(const iotsign_smp_request_t *request)
{
    const iotsign_smp_fields_t *fields = &request->fields;
    int wants_confirm = fields->value[IOTSIGN_KEY_CONFIRM] != 0u;
    if (!iotsign_smp_has(request, IOTSIGN_KEY_HASH)) {
        return wants_confirm ? confirm() : IOTSIGN_IMAGE_INVALID_HASH;
    }
    int matches[2] = {0, 0};
    for (uint32_t i = 0; i < 2u; i++) {
        iotsign_smp_slot_t slot;
        if (iotsign_smp_read_slot(i, &slot) != 0) {
            return IOTSIGN_IMAGE_READ_FAILED;
        }
        matches[i] = slot.has_hash && fields->value[IOTSIGN_KEY_HASH] == sizeof slot.hash &&
                     memcmp(fields->data[IOTSIGN_KEY_HASH], slot.hash, sizeof slot.hash) == 0;
    }
    if (matches[0] && wants_confirm) {
        return confirm();
    }
    if (matches[1]) {
        return set_pending(wants_confirm);
    }
    return matches[0] ? IOTSIGN_IMAGE_IS_ACTIVE : IOTSIGN_IMAGE_HASH_NOT_FOUND;
}

/* 1 if the first version is higher than the second; the build number does not count. */
static int is_newer(const uint8_t *first, const uint8_t *second)
{
    uint32_t a = (uint32_t)first[0] << 24 | (uint32_t)first[1] << 16 | (load32(first) >> 16);
    uint32_t b = (uint32_t)second[0] << 24 | (uint32_t)second[1] << 16 | (load32(second) >> 16);
    return a > b;
}

/* The first part of an upload: go on with the same one, or make room for a new one. */
static iotsign_smp_error_t begin_upload(const iotsign_smp_request_t *request)
{
    const iotsign_smp_fields_t *fields = &request->fields;
    const uint8_t *data = fields->data[IOTSIGN_KEY_DATA];
    uint32_t length = fields->value[IOTSIGN_KEY_LEN];
    int has_sha = iotsign_smp_has(request, IOTSIGN_KEY_SHA);
    iotsign_boot_state_t state;
    if (!iotsign_smp_has(request, IOTSIGN_KEY_LEN)) {
        return IOTSIGN_IMAGE_INVALID_LENGTH;
    }
    if (fields->value[IOTSIGN_KEY_IMAGE] > 1u) {
        return IOTSIGN_IMAGE_INVALID_SLOT;
    }
    if (has_sha && fields->value[IOTSIGN_KEY_SHA] != sizeof upload.sha) {
        return IOTSIGN_IMAGE_INVALID_HASH;
    }
    if (has_sha && upload.has_sha && upload.length == length &&
        memcmp(upload.sha, fields->data[IOTSIGN_KEY_SHA], sizeof upload.sha) == 0) {
        return IOTSIGN_SMP_OK;
    }
    if (length < IMAGE_HEADER || fields->value[IOTSIGN_KEY_DATA] < IMAGE_HEADER) {
        return IOTSIGN_IMAGE_INVALID_HEADER;
    }
    if (load32(data) != IMAGE_MAGIC) {
        return IOTSIGN_IMAGE_INVALID_MAGIC;
    }
    if (length > iotsign_boot_capacity()) {
        return IOTSIGN_IMAGE_TOO_LARGE;
    }
    if (fields->value[IOTSIGN_KEY_UPGRADE] != 0u) {
        iotsign_smp_slot_t slot;
        if (iotsign_smp_read_slot(0, &slot) != 0) {
            return IOTSIGN_IMAGE_READ_FAILED;
        }
        if (slot.size != 0u && !is_newer(data + VERSION_AT, slot.version)) {
            return IOTSIGN_IMAGE_CURRENT_IS_NEWER;
        }
    }
    iotsign_smp_error_t error = check_trial(&state, IOTSIGN_IMAGE_NO_FREE_SLOT);
    if (error != IOTSIGN_SMP_OK || state.pending) {
        return error != IOTSIGN_SMP_OK ? error : IOTSIGN_IMAGE_NO_FREE_SLOT;
    }
    iotsign_smp_forget_upload();
    if (iotsign_trailer_erase(iotsign_smp_area(1)) != 0) {
        return IOTSIGN_IMAGE_ERASE_FAILED;
    }
    upload.length = length;
    upload.has_sha = (uint8_t)has_sha;
    if (has_sha) {
        memcpy(upload.sha, fields->data[IOTSIGN_KEY_SHA], sizeof upload.sha);
    }
    return IOTSIGN_SMP_OK;
}

/* Write and read back. */
static iotsign_smp_error_t write_flash(uint32_t offset, const uint8_t *data, uint32_t length)
{
    uint8_t check[CHUNK];
    if (iotsign_flash_write(offset, data, length) != 0) {
        return IOTSIGN_IMAGE_WRITE_FAILED;
    }
    for (uint32_t at = 0; at < length; at += (uint32_t)sizeof check) {
        uint32_t part = length - at < sizeof check ? length - at : (uint32_t)sizeof check;
        if (iotsign_flash_read(offset + at, check, part) != 0 || memcmp(check, data + at, part) != 0) {
            return IOTSIGN_IMAGE_WRITE_FAILED;
        }
    }
    return IOTSIGN_SMP_OK;
}

/* Write what fills whole words, together with what the last part has left over, and keep the rest. */
static iotsign_smp_error_t receive(const uint8_t *data, uint32_t length)
{
    const iotsign_area_t *slot = iotsign_smp_area(1);
    uint8_t *buffer = iotsign_smp_buffer();
    uint32_t tail = upload.offset % WORD;
    uint32_t start = upload.offset - tail;
    uint32_t all = tail + length;
    for (uint32_t i = 0; i < length; i++) {
        buffer[tail + i] = data[i]; /* downwards: it came behind at least so many bytes of CBOR */
    }
    memcpy(buffer, upload.tail, tail);
    if (upload.offset + length == upload.length) {
        while (all % WORD != 0u) {
            buffer[all++] = 0xff;
        }
    }
    uint32_t whole = all - all % WORD;
    while (upload.erased < start + whole) {
        if (iotsign_flash_erase(slot->offset + upload.erased, iotsign_board_layout.sector_size) != 0) {
            return IOTSIGN_IMAGE_ERASE_FAILED;
        }
        upload.erased += iotsign_board_layout.sector_size;
    }
    iotsign_smp_error_t error = write_flash(slot->offset + start, buffer, whole);
    memcpy(upload.tail, buffer + whole, all - whole);
    upload.offset += length;
    return error;
}

static iotsign_smp_error_t put_progress(iotsign_cbor_t *reply)
{
    uint8_t digest[IOTSIGN_SHA256_SIZE];
    int has_match = upload.has_sha && iotsign_smp_received() != 0u;
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, has_match ? 2 : 1);
    iotsign_cbor_put_uint(reply, "off", upload.offset);
    if (has_match) {
        int matches = iotsign_smp_hash(iotsign_smp_area(1)->offset, upload.length, digest) == 0 &&
                      memcmp(digest, upload.sha, sizeof digest) == 0;
        iotsign_cbor_put_bool(reply, "match", matches);
        if (!matches) {
            iotsign_smp_forget_upload();
        }
    }
    return IOTSIGN_SMP_OK;
}

static iotsign_smp_error_t upload_part(const iotsign_smp_request_t *request, iotsign_cbor_t *reply)
{
    const iotsign_smp_fields_t *fields = &request->fields;
    uint32_t offset = fields->value[IOTSIGN_KEY_OFF];
    uint32_t length = fields->value[IOTSIGN_KEY_DATA];
    if (!iotsign_smp_has(request, IOTSIGN_KEY_OFF)) {
        return IOTSIGN_IMAGE_INVALID_OFFSET;
    }
    if (!iotsign_smp_has(request, IOTSIGN_KEY_DATA)) {
        return IOTSIGN_SMP_INVALID;
    }
    if (offset == 0u) {
        iotsign_smp_error_t error = begin_upload(request);
        if (error != IOTSIGN_SMP_OK) {
            return error;
        }
    }
    if (offset == upload.offset && length != 0u) {
        if (length > upload.length - upload.offset) {
            return IOTSIGN_IMAGE_OVERRUN;
        }
        iotsign_smp_error_t error = receive(fields->data[IOTSIGN_KEY_DATA], length);
        if (error != IOTSIGN_SMP_OK) {
            iotsign_smp_forget_upload();
            return error;
        }
    }
    return put_progress(reply);
}

static iotsign_smp_error_t erase(const iotsign_smp_request_t *request, iotsign_cbor_t *reply)
{
    const iotsign_area_t *slot = iotsign_smp_area(1);
    iotsign_boot_state_t state;
    if (iotsign_smp_has(request, IOTSIGN_KEY_SLOT) && request->fields.value[IOTSIGN_KEY_SLOT] != 1u) {
        return IOTSIGN_IMAGE_INVALID_SLOT;
    }
    iotsign_smp_error_t error = check_trial(&state, IOTSIGN_IMAGE_NO_FREE_SLOT);
    if (error != IOTSIGN_SMP_OK) {
        return error;
    }
    iotsign_smp_forget_upload();
    if (iotsign_trailer_erase(slot) != 0 || iotsign_flash_erase(slot->offset, iotsign_boot_capacity()) != 0) {
        return IOTSIGN_IMAGE_ERASE_FAILED;
    }
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 0);
    return IOTSIGN_SMP_OK;
}

static iotsign_smp_error_t slot_info(iotsign_cbor_t *reply)
{
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 1);
    iotsign_cbor_put_text(reply, "images");
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_ARRAY, 1);
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 3);
    iotsign_cbor_put_uint(reply, "image", 0);
    iotsign_cbor_put_text(reply, "slots");
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_ARRAY, 2);
    for (uint32_t i = 0; i < 2u; i++) {
        iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 2u + i);
        iotsign_cbor_put_uint(reply, "slot", i);
        iotsign_cbor_put_uint(reply, "size", iotsign_smp_area(i)->size);
        if (i == 1u) {
            iotsign_cbor_put_uint(reply, "upload_image_id", 0);
        }
    }
    iotsign_cbor_put_uint(reply, "max_image_size", iotsign_boot_capacity());
    return IOTSIGN_SMP_OK;
}

iotsign_smp_error_t iotsign_smp_image(const iotsign_smp_request_t *request, iotsign_cbor_t *reply)
{
    int is_write = request->op == IOTSIGN_SMP_WRITE;
    if (request->id == STATE) {
        iotsign_smp_error_t error = is_write ? write_state(request) : IOTSIGN_SMP_OK;
        return error == IOTSIGN_SMP_OK ? read_state(reply) : error;
    }
    if (request->id == UPLOAD && is_write) {
        return upload_part(request, reply);
    }
    if (request->id == ERASE && is_write) {
        return erase(request, reply);
    }
    if (request->id == SLOT_INFO && !is_write) {
        return slot_info(reply);
    }
    return IOTSIGN_SMP_NOT_SUPPORTED;
}
