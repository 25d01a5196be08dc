/* The boot loader's use of the core: which keys, which bytes, which counter.
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "bootloader/boot.h"
#include "bootloader/provisioning.h"

#define MAX_ANCHORS 4u
#define BUFFER_SIZE 1024u /* at least IOTSIGN_MCUBOOT_BUFFER_SIZE; halves of whole blocks of the hash: read twice */
#define HEADER_SIZE 32u
#define TLV_INFO_SIZE 4u
#define IMAGE_MAGIC 0x96f3b83du
#define TLV_MAGIC 0x6907u

static size_t read_area(void *context, uint32_t offset, void *buffer, size_t length)
{
    const iotsign_area_t *area = context;
    return iotsign_flash_read(area->offset + offset, buffer, length) == 0 ? length : 0u;
}

static size_t collect_anchors(const iotsign_provisioning_t *page, iotsign_trust_anchor_t *anchors)
{
    static const iotsign_entry_t types[2] = {IOTSIGN_ENTRY_BOOT_KEY, IOTSIGN_ENTRY_BOOT_KEY_HASH};
    static const iotsign_anchor_kind_t kinds[2] = {IOTSIGN_ANCHOR_KEY, IOTSIGN_ANCHOR_HASH};
    size_t count = 0;
    for (unsigned i = 0; i < 2u; i++) {
        uint16_t at = 0;
        uint16_t length;
        const uint8_t *data;
        while (count < MAX_ANCHORS && (data = iotsign_provisioning_next(page, types[i], &at, &length)) != NULL) {
            anchors[count].kind = kinds[i];
            anchors[count].data = data;
            anchors[count].length = length;
            count++;
        }
    }
    return count;
}

/* Whether the device may take this image, which has been verified: it is not older than what it has seen, and, where it
 * says so, it was linked for the place that it runs in. */
static int is_acceptable(const iotsign_mcuboot_image_t *image, uint32_t least)
{
    const iotsign_layout_t *layout = &iotsign_board_layout;
    uint32_t place = layout->ram_address != 0u ? layout->ram_address : layout->execute_address;
    if ((image->flags & (IOTSIGN_MCUBOOT_RAM_LOAD | IOTSIGN_MCUBOOT_ROM_FIXED)) != 0u && image->load_address != place) {
        return 0;
    }
    if (layout->ram_address != 0u && image->size > layout->ram_size) {
        return 0; /* before it is swapped in, not after */
    }
    return image->security_counter >= least;
}

static uint32_t judge(const iotsign_region_t *region, iotsign_mcuboot_image_t *image)
{
    static const iotsign_verifier_t verifiers[] = {IOTSIGN_VERIFIER_P256(iotsign_sha256_class)};
    static iotsign_provisioning_t page;
    static uint32_t buffer[BUFFER_SIZE / sizeof(uint32_t)]; /* words are copied faster */
    iotsign_trust_anchor_t anchors[MAX_ANCHORS];
    uint32_t least;
    memset(image, 0, sizeof *image);
    if (iotsign_provisioning_load(&page) != 0 || iotsign_counter_read(&least) != 0) {
        return 0;
    }
    const iotsign_mcuboot_policy_t policy = {
        verifiers, 1, anchors, collect_anchors(&page, anchors),
        iotsign_board_layout.ram_address != 0u ? IOTSIGN_MCUBOOT_RAM_LOAD : IOTSIGN_MCUBOOT_ROM_FIXED};
    const iotsign_scratch_t scratch = {(uint8_t *)buffer, sizeof buffer, NULL, 0};
    volatile uint32_t verdict = 0;
    verdict = iotsign_mcuboot_verify_hardened(region, &policy, &scratch, image);
    if (!iotsign_verdict_is_trusted(verdict) || !is_acceptable(image, least)) {
        return 0;
    }
    if (verdict != IOTSIGN_TRUSTED || image->security_counter < least) {
        return 0;
    }
    return verdict;
}

uint32_t iotsign_boot_verify(const iotsign_area_t *area, iotsign_mcuboot_image_t *image)
{
    iotsign_area_t usable = {area->offset, iotsign_boot_capacity()};
    const iotsign_region_t region = {read_area, &usable, usable.size};
    return judge(&region, image);
}

uint32_t iotsign_boot_load(iotsign_mcuboot_image_t *image, uint32_t *place)
{
    const iotsign_layout_t *layout = &iotsign_board_layout;
    uint8_t *ram = (uint8_t *)(uintptr_t)layout->ram_address;
    if (image->size > layout->ram_size || iotsign_flash_read(layout->primary.offset, ram, image->size) != 0) {
        return 0;
    }
    const iotsign_region_t region = {iotsign_memory_read, ram, image->size};
    uint32_t verdict = judge(&region, image);
    if (verdict == IOTSIGN_TRUSTED) {
        *place = layout->ram_address;
    }
    return verdict;
}

uint32_t iotsign_boot_image_size(const iotsign_area_t *area)
{
    uint8_t raw[HEADER_SIZE];
    uint32_t capacity = iotsign_boot_capacity();
    if (iotsign_flash_read(area->offset, raw, sizeof raw) != 0) {
        return 0;
    }
    uint32_t word[4];
    for (unsigned i = 0; i < 4u; i++) {
        const uint8_t *at = raw + 4u * i;
        word[i] = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
    }
    uint32_t size = (word[2] & 0xffffu) + (word[2] >> 16); /* header and protected TLVs */
    if (word[0] != IMAGE_MAGIC || size > capacity - TLV_INFO_SIZE || word[3] > capacity - TLV_INFO_SIZE - size) {
        return 0;
    }
    size += word[3];
    if (iotsign_flash_read(area->offset + size, raw, TLV_INFO_SIZE) != 0 ||
        (uint32_t)(raw[0] | raw[1] << 8) != TLV_MAGIC) {
        return 0;
    }
    size += (uint32_t)(raw[2] | raw[3] << 8);
    return size <= capacity ? size : 0u;
}
