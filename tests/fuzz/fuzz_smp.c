/* Any bytes on the serial line of the boot loader's SMP server, whole lines, whole frames or single requests: it keeps to its
 * buffers, answers only with messages that are well-formed, writes to the secondary slot only, and never has an image marked
 * that is not trusted.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Bit 0 of the first byte says what follows: 0, bytes as they come on the line; 1, requests, each with u8 operation and
 * version, u8 group, u8 command, u8 length of the body, which are put into frames with the right length and checksum. With
 * bit 1 a code signer is provisioned. */
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "bootloader/board.h"
#include "bootloader/boot.h"
#include "bootloader/provisioning.h"
#include "iotsign/base64.h"
#include "iotsign/sha256.h"
#include "nor_flash.h"
#include "smp_server.h"

#define CHECK(condition) \
    do { \
        if (!(condition)) { \
            abort(); \
        } \
    } while (0)

#define REQUEST_HEAD 4u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static jmp_buf power;
static uint8_t answer[2u * IOTSIGN_SMP_BUFFER_SIZE];
static size_t answered;

void iotsign_board_write(const uint8_t *data, size_t length)
{
    size_t written;
    CHECK(length >= 7u && length <= 127u && data[length - 1u] == '\n');
    if (data[0] == 0x06u && data[1] == 0x09u) {
        answered = 0;
    } else {
        CHECK(data[0] == 0x04u && data[1] == 0x14u);
    }
    CHECK(iotsign_base64_decode((const char *)data + 2, length - 3u, answer + answered, sizeof answer - answered, &written) ==
          IOTSIGN_OK);
    answered += written;
}

size_t iotsign_board_read(uint8_t *buffer, size_t size, uint32_t timeout_ms)
{
    (void)buffer;
    (void)size;
    (void)timeout_ms;
    return 0;
}

uint32_t iotsign_board_milliseconds(void)
{
    static uint32_t now;
    now = (now + 10u) & 0xffffffu;
    return now;
}

void iotsign_board_reset(void)
{
    longjmp(power, 1);
}

void iotsign_board_request_recovery(void)
{
}

/* The trust decision is not what is fuzzed here: an image is trusted if its payload begins with "good". */
uint32_t __wrap_iotsign_boot_verify(const iotsign_area_t *area, iotsign_mcuboot_image_t *image);
uint32_t __wrap_iotsign_boot_verify(const iotsign_area_t *area, iotsign_mcuboot_image_t *image)
{
    memset(image, 0, sizeof *image);
    return memcmp(nor_flash + area->offset + 32, "good", 4) == 0 ? IOTSIGN_TRUSTED : 0u;
}

uint32_t __wrap_iotsign_detached_verify_hardened(const iotsign_detached_t *claim, const iotsign_scratch_t *scratch);
uint32_t __wrap_iotsign_detached_verify_hardened(const iotsign_detached_t *claim, const iotsign_scratch_t *scratch)
{
    (void)scratch;
    CHECK(claim->region->size >= claim->length && claim->length > 0u);
    return claim->signature_length == 2u ? IOTSIGN_TRUSTED : 0u;
}

static int on_operation(const nor_operation_t *operation)
{
    CHECK(operation->offset >= NOR_SLOT || operation->offset >= iotsign_boot_capacity()); /* never the running image */
    CHECK(operation->offset < 2u * NOR_SLOT);
    return 0;
}

/* Step over one item of the answer, not deeper than slot-info. */
static size_t skip_item(size_t at, size_t end, int depth)
{
    CHECK(at < end && depth < 6);
    uint8_t major = answer[at] >> 5;
    uint32_t value = answer[at] & 0x1fu;
    at++;
    if (value >= 24u) {
        size_t size = (size_t)1 << (value - 24u);
        CHECK(value <= 26u && size <= end - at);
        value = 0;
        for (size_t i = 0; i < size; i++) {
            value = value << 8 | answer[at + i];
        }
        at += size;
    }
    if (major == IOTSIGN_CBOR_BYTES || major == IOTSIGN_CBOR_TEXT) {
        CHECK(value <= end - at);
        return at + value;
    }
    if (major == IOTSIGN_CBOR_ARRAY || major == IOTSIGN_CBOR_MAP) {
        for (uint32_t i = 0; i < (major == IOTSIGN_CBOR_MAP ? 2u : 1u) * value; i++) {
            at = skip_item(at, end, depth + 1);
        }
        return at;
    }
    CHECK(major == IOTSIGN_CBOR_UINT || (major == IOTSIGN_CBOR_SIMPLE && (value == 20u || value == 21u)));
    return at;
}

static void check_answer(void)
{
    if (answered == 0u) {
        return;
    }
    size_t length = 2u + (size_t)(answer[0] << 8 | answer[1]);
    CHECK(answered == length && length <= IOTSIGN_SMP_BUFFER_SIZE && length > 12u);
    CHECK((size_t)(answer[4] << 8 | answer[5]) == length - 12u);
    CHECK(answer[10] >> 5 == IOTSIGN_CBOR_MAP);
    CHECK(skip_item(10, length - 2u, 0) == length - 2u);
    answered = 0;
}

static void check_flash(void)
{
    iotsign_boot_state_t state;
    CHECK(iotsign_boot_state(&state) == 0);
    if (state.pending) {
        CHECK(memcmp(nor_flash + NOR_SLOT + 32, "good", 4) == 0);
    }
}

static uint16_t checksum(const uint8_t *data, size_t length)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < 8u * length; i++) {
        unsigned bit = (unsigned)(crc >> 15) ^ (data[i / 8u] >> (7u - i % 8u) & 1u);
        crc = (uint16_t)((crc & 0x7fffu) << 1 ^ (bit != 0u ? 0x1021u : 0u));
    }
    return crc;
}

static void send(const uint8_t *request)
{
    uint8_t frame[2u + 8u + 255u + 2u] = {0};
    char text[IOTSIGN_BASE64_ENCODED_SIZE(sizeof frame)];
    size_t length = 8u + request[3];
    size_t written;
    frame[1] = (uint8_t)(length + 2u);
    frame[0] = (uint8_t)((length + 2u) >> 8);
    frame[2] = request[0];
    frame[5] = request[3];
    frame[7] = request[1];
    frame[9] = request[2];
    memcpy(frame + 10, request + REQUEST_HEAD, request[3]);
    uint16_t crc = checksum(frame + 2, length);
    frame[2u + length] = (uint8_t)(crc >> 8);
    frame[3u + length] = (uint8_t)(crc & 0xffu);
    CHECK(iotsign_base64_encode(frame, length + 4u, text, sizeof text, &written) == IOTSIGN_OK);
    for (size_t at = 0; at < written; at += 124u) {
        size_t part = written - at < 124u ? written - at : 124u;
        iotsign_smp_receive(at == 0u ? 0x06 : 0x04);
        iotsign_smp_receive(at == 0u ? 0x09 : 0x14);
        for (size_t i = 0; i < part; i++) {
            iotsign_smp_receive((uint8_t)text[at + i]);
        }
        iotsign_smp_receive('\n');
    }
}

static uint8_t *put_entry(uint8_t *at, iotsign_entry_t type, uint8_t length)
{
    const uint8_t head[4] = {(uint8_t)type, 0, length, 0};
    memcpy(at, head, sizeof head);
    memset(at + sizeof head, 'x', length);
    return at + sizeof head + length;
}

static void provision(uint8_t *page, int has_signer)
{
    iotsign_sha256_t hash;
    uint8_t *at = page + 8;
    memcpy(page, "ISP1\0\0\0", 8);
    at = put_entry(at, IOTSIGN_ENTRY_DEVICE_ID, 9);
    at = put_entry(at, IOTSIGN_ENTRY_ATTEST_KEY, 32);
    if (has_signer) {
        at = put_entry(at, IOTSIGN_ENTRY_CODE_SIGNER, 91);
    }
    page[4] = (uint8_t)(at - page - 8);
    iotsign_sha256_init(&hash);
    iotsign_sha256_update(&hash, page, (size_t)(at - page));
    iotsign_sha256_finish(&hash, at);
}

/* A device with an image in each slot. */
static void make_device(uint8_t *flash)
{
    static const uint8_t header[36] = {0x3d, 0xb8, 0xf3, 0x96, 0, 0, 0, 0, 32, 0, 0, 0, 4, 0, 0,   0,   0,   0,
                                       0,    0,    1,    0,    0, 0, 0, 0, 0,  0, 0, 0, 0, 0, 'g', 'o', 'o', 'd'};
    static const uint8_t tlv[8] = {0x07, 0x69, 40, 0, 0x10, 0, 32, 0};
    memset(flash, 0xff, NOR_SIZE);
    for (unsigned slot = 0; slot < 2u; slot++) {
        memcpy(flash + slot * NOR_SLOT, header, sizeof header);
        memcpy(flash + slot * NOR_SLOT + sizeof header, tlv, sizeof tlv);
        memset(flash + slot * NOR_SLOT + sizeof header + sizeof tlv, (int)slot, 32);
    }
}

static void set_up(int has_signer)
{
    static uint8_t fresh[NOR_SIZE];
    if (fresh[0] == 0u) {
        make_device(fresh);
        memset(nor_is_changed, 1, sizeof nor_is_changed);
    }
    for (size_t sector = 0; sector < sizeof nor_is_changed; sector++) {
        if (nor_is_changed[sector]) {
            memcpy(nor_flash + sector * NOR_SECTOR, fresh + sector * NOR_SECTOR, NOR_SECTOR);
            nor_is_changed[sector] = 0;
        }
    }
    provision(nor_flash + iotsign_board_layout.provisioning.offset, has_signer);
    nor_on_operation = on_operation;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t *at;
    static const uint8_t *end;
    if (size == 0u) {
        return 0;
    }
    set_up((data[0] & 2u) != 0u);
    iotsign_smp_start();
    answered = 0;
    at = data + 1;
    end = data + size;
    (void)setjmp(power);
    check_answer();
    while (at < end) {
        if ((data[0] & 1u) == 0u) {
            iotsign_smp_receive(*at++);
        } else {
            const uint8_t *request = at;
            if ((size_t)(end - at) < REQUEST_HEAD || (size_t)(end - at) - REQUEST_HEAD < at[3]) {
                break;
            }
            at += REQUEST_HEAD + at[3];
            send(request);
        }
        check_answer();
        check_flash();
    }
    return 0;
}
