/* SPDX-License-Identifier: Apache-2.0 */
#include "bootloader/provisioning.h"

#include <string.h>

#include "bootloader/flash.h"
#include "iotsign/sha256.h"

#define HEADER 8u
#define ENTRY_HEADER 4u

static uint16_t load16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] | bytes[1] << 8);
}

static int entries_are_whole(const uint8_t *entries, uint16_t length)
{
    uint32_t at = 0;
    while (at + ENTRY_HEADER <= length) {
        at += ENTRY_HEADER + load16(entries + at + 2);
    }
    return at == length;
}

int iotsign_provisioning_load(iotsign_provisioning_t *page)
{
    iotsign_sha256_t hash;
    uint8_t digest[IOTSIGN_SHA256_SIZE];
    page->length = 0;
    int status = iotsign_flash_read(iotsign_board_layout.provisioning.offset, page->bytes, sizeof page->bytes);
    if (status != 0) {
        return status;
    }
    uint32_t magic = (uint32_t)load16(page->bytes) | (uint32_t)load16(page->bytes + 2) << 16;
    uint16_t length = load16(page->bytes + 4);
    if (magic != IOTSIGN_PROVISIONING_MAGIC || length > sizeof page->bytes - HEADER - sizeof digest) {
        return -1;
    }
    iotsign_sha256_init(&hash);
    iotsign_sha256_update(&hash, page->bytes, HEADER + length);
    iotsign_sha256_finish(&hash, digest);
    if (memcmp(digest, page->bytes + HEADER + length, sizeof digest) != 0 ||
        !entries_are_whole(page->bytes + HEADER, length)) {
        return -1;
    }
    page->length = length;
    return 0;
}

const uint8_t *iotsign_provisioning_next(const iotsign_provisioning_t *page, iotsign_entry_t type, uint16_t *at,
                                         uint16_t *length)
{
    const uint8_t *entries = page->bytes + HEADER;
    while (*at < page->length) {
        const uint8_t *entry = entries + *at;
        *length = load16(entry + 2);
        *at = (uint16_t)(*at + ENTRY_HEADER + *length);
        if (load16(entry) == type) {
            return entry + ENTRY_HEADER;
        }
    }
    return NULL;
}
