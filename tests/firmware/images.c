/* Verifies images and detached signatures that come over standard input, from a flash that can fail.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Request, little-endian: u32 length of what follows; u8 operation; u32 accepted flags; u16 mask of the verifiers below; u16 buffer
 * size, u16 work size; four i32, each the number of a read call or -1: the first that returns nothing, the first that returns
 * one byte less, the first that sees a changed byte and the offset of that byte; u8 number of anchors, each u8 kind, u16
 * length, data; then the flash to the end. For a detached signature the one anchor is the key, and before the flash come u32
 * offset, u32 length, u16 length of the signature and the signature.
 * Answer: u32 verdict, u32 number of read calls, and the image's fields in their order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iotsign/hardened.h"

enum { VERIFY = 0, VERIFY_HARDENED = 1, DETACHED = 2, DETACHED_HARDENED = 3 };

static const iotsign_verifier_t all_verifiers[] = {
    IOTSIGN_VERIFIER_P256(iotsign_sha256_class),      IOTSIGN_VERIFIER_P384(iotsign_sha384_class),
    IOTSIGN_VERIFIER_RSA_PSS(iotsign_sha256_class),   IOTSIGN_VERIFIER_ED25519(iotsign_sha256_class),
    IOTSIGN_VERIFIER_ED25519(iotsign_sha512_class),   IOTSIGN_VERIFIER_RSA_PKCS1(iotsign_sha256_class),
    IOTSIGN_VERIFIER_RSA_PKCS1(iotsign_sha1_class),
};
#define VERIFIERS (sizeof all_verifiers / sizeof *all_verifiers)

typedef struct {
    const uint8_t *bytes;
    int32_t calls, fail_call, short_call, change_call;
    uint32_t change_offset;
} flash_t;

static const uint8_t *input;

static uint32_t take(unsigned size)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint32_t)*input++ << (8u * i);
    }
    return value;
}

static void put(uint32_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        putchar((int)(value >> (8u * i) & 0xFFu));
    }
}

static size_t read_flash(void *context, uint32_t offset, void *buffer, size_t length)
{
    flash_t *flash = context;
    int32_t call = flash->calls++;

    if (call == flash->fail_call) {
        return 0;
    }
    memcpy(buffer, flash->bytes + offset, length);
    if (flash->change_call >= 0 && call >= flash->change_call && flash->change_offset >= offset &&
        flash->change_offset - offset < length) {
        ((uint8_t *)buffer)[flash->change_offset - offset] ^= 1u;
    }
    return call == flash->short_call ? length - 1u : length;
}

static void *allocate(size_t size)
{
    void *memory = malloc(size != 0 ? size : 1); /* of the exact size, so that sanitizers see its end */
    if (memory == NULL) {
        exit(EXIT_FAILURE);
    }
    return memory;
}

static void answer(uint32_t verdict, const flash_t *flash, const iotsign_mcuboot_image_t *image)
{
    put(verdict, 4);
    put((uint32_t)flash->calls, 4);
    put(image->load_address, 4);
    put(image->header_size, 4);
    put(image->payload_size, 4);
    put(image->flags, 4);
    put(image->version.major, 1);
    put(image->version.minor, 1);
    put(image->version.revision, 2);
    put(image->version.build, 4);
    put(image->signed_size, 4);
    put(image->size, 4);
    put(image->security_counter, 4);
    put(image->has_security_counter, 1);
    put(image->dependency_count, 1);
    put(image->digest_size, 1);
    fwrite(image->digest, 1, sizeof image->digest, stdout);
    for (unsigned i = 0; i < IOTSIGN_MCUBOOT_MAX_DEPENDENCIES; i++) {
        put(image->dependencies[i].image, 1);
        put(image->dependencies[i].version.major, 1);
        put(image->dependencies[i].version.minor, 1);
        put(image->dependencies[i].version.revision, 2);
        put(image->dependencies[i].version.build, 4);
    }
    fflush(stdout);
}

static void serve(const uint8_t *request, size_t length)
{
    uint32_t operation, flags, mask, first = 0;
    iotsign_verifier_t verifiers[VERIFIERS];
    iotsign_trust_anchor_t anchors[8];
    iotsign_mcuboot_policy_t policy = {verifiers, 0, anchors, 0, 0};
    iotsign_mcuboot_image_t image;
    iotsign_scratch_t scratch;
    iotsign_region_t region;
    iotsign_detached_t claim;
    flash_t flash;
    uint32_t verdict;

    input = request;
    operation = take(1);
    flags = take(4);
    mask = take(2);
    for (unsigned i = 0; i < VERIFIERS; i++) {
        if ((mask >> i & 1u) != 0) {
            first = policy.verifier_count == 0 ? i : first;
            verifiers[policy.verifier_count++] = all_verifiers[i];
        }
    }
    policy.accepted_flags = flags;
    scratch.buffer_size = take(2);
    scratch.buffer = allocate(scratch.buffer_size);
    scratch.work_size = take(2);
    scratch.work = allocate(scratch.work_size);
    flash.calls = 0;
    flash.fail_call = (int32_t)take(4);
    flash.short_call = (int32_t)take(4);
    flash.change_call = (int32_t)take(4);
    flash.change_offset = take(4);
    policy.anchor_count = take(1);
    for (unsigned i = 0; i < policy.anchor_count; i++) {
        anchors[i].kind = (iotsign_anchor_kind_t)take(1);
        anchors[i].length = take(2);
        anchors[i].data = input;
        input += anchors[i].length;
    }
    memset(&image, 0, sizeof image);
    memset(&claim, 0, sizeof claim);
    if (operation >= DETACHED) {
        claim.region = &region;
        claim.offset = take(4);
        claim.length = take(4);
        claim.verifier = &all_verifiers[first];
        claim.spki = anchors[0].data;
        claim.spki_length = anchors[0].length;
        claim.signature_length = take(2);
        claim.signature = input;
        input += claim.signature_length;
    }
    region.size = (uint32_t)(length - (size_t)(input - request));
    region.read = read_flash;
    region.context = &flash;
    flash.bytes = input;
    switch (operation) {
    case VERIFY:
        verdict = (uint32_t)iotsign_mcuboot_verify(&region, &policy, &scratch, &image);
        break;
    case VERIFY_HARDENED:
        verdict = iotsign_mcuboot_verify_hardened(&region, &policy, &scratch, &image);
        break;
    case DETACHED:
        verdict = (uint32_t)iotsign_detached_verify(&claim, &scratch);
        break;
    default:
        verdict = iotsign_detached_verify_hardened(&claim, &scratch);
        break;
    }
    answer(verdict, &flash, &image);
    free(scratch.buffer);
    free(scratch.work);
}

int main(void)
{
    uint8_t prefix[4];

    while (fread(prefix, 1, sizeof prefix, stdin) == sizeof prefix) {
        size_t length = (size_t)prefix[0] | (size_t)prefix[1] << 8 | (size_t)prefix[2] << 16 | (size_t)prefix[3] << 24;
        uint8_t *request = allocate(length);
        if (fread(request, 1, length, stdin) != length) {
            return EXIT_FAILURE;
        }
        serve(request, length);
        free(request);
    }
    return EXIT_SUCCESS;
}
