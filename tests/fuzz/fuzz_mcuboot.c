/* Flash with arbitrary bytes where an image should be. Hash and signature are such that the fuzzer can find good ones: a digest is
 * the sum of the bytes, and a signature is the digest.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "iotsign/hardened.h"

typedef struct {
    const uint8_t *bytes;
    uint32_t size;
    unsigned calls, fail_call;
} flash_t;

static void require(int holds)
{
    if (!holds) {
        abort();
    }
}

static void init(iotsign_hash_context_t *context)
{
    context->sha256.length = 0;
}

static void update(iotsign_hash_context_t *context, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    for (; length > 0; length--) {
        context->sha256.length = (context->sha256.length + *bytes++) & 0xFFFF;
    }
}

static void finish(iotsign_hash_context_t *context, uint8_t *digest)
{
    memset(digest, 0, 32);
    digest[0] = (uint8_t)(context->sha256.length & 0xFF);
    digest[1] = (uint8_t)(context->sha256.length >> 8 & 0xFF);
}

/* Of two readings: the length of the first is its sum, that of the second how much of it was read. */
static void init_twice(iotsign_hash_context_t *context)
{
    memset(context, 0, sizeof *context);
}

static uint32_t position(const iotsign_hash_context_t *context)
{
    return context->sha256_twice.second.length;
}

static void update_twice(iotsign_hash_context_t *context, const void *data, const void *again, size_t length)
{
    iotsign_sha256_twice_t *twice = &context->sha256_twice;
    const uint8_t *bytes = data;

    twice->difference |= memcmp(data, again, length) != 0;
    twice->second.length += (uint32_t)length;
    for (; length > 0; length--) {
        twice->first.length = (twice->first.length + *bytes++) & 0xFFFF;
    }
}

static void finish_twice(iotsign_hash_context_t *context, uint8_t *digest)
{
    memset(digest, 0, 32);
    digest[0] = (uint8_t)(context->sha256_twice.first.length & 0xFF);
    digest[1] = (uint8_t)(context->sha256_twice.first.length >> 8 & 0xFF);
}

static int is_sound(const iotsign_hash_context_t *context, uint32_t length)
{
    return context->sha256_twice.difference == 0 && context->sha256_twice.second.length == length;
}

static const iotsign_hash_twice_t twice = {init_twice, position, update_twice, finish_twice, is_sound};
static const iotsign_hash_class_t sum_class = {32, init, update, finish, &twice};

static iotsign_status_t judge(const iotsign_hash_class_t *hash, const uint8_t *key, size_t key_length, const uint8_t *digest,
                              const uint8_t *signature, size_t signature_length, void *work)
{
    (void)key;
    (void)key_length;
    (void)work;
    return signature_length >= 2 && memcmp(digest, signature, 2) == 0 && hash == &sum_class ? IOTSIGN_OK
                                                                                            : IOTSIGN_ERROR_SIGNATURE;
}

typedef struct {
    iotsign_hash_context_t sum;
    uint8_t signature[2];
} stream_t;

static iotsign_status_t stream_init(void *work, const uint8_t *key, const uint8_t *signature, size_t signature_length)
{
    stream_t *stream = work;
    (void)key;
    if (signature_length < 2) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    memcpy(stream->signature, signature, 2);
    init(&stream->sum);
    return IOTSIGN_OK;
}

static void stream_update(void *work, const void *data, size_t length)
{
    update(&((stream_t *)work)->sum, data, length);
}

static iotsign_status_t stream_finish(void *work)
{
    stream_t *stream = work;
    uint8_t digest[32];
    finish(&stream->sum, digest);
    return memcmp(digest, stream->signature, 2) == 0 ? IOTSIGN_OK : IOTSIGN_ERROR_SIGNATURE;
}

static size_t read_flash(void *context, uint32_t offset, void *buffer, size_t length)
{
    flash_t *flash = context;

    require(length <= flash->size && offset <= flash->size - length);
    if (++flash->calls == flash->fail_call) {
        return 0;
    }
    memcpy(buffer, flash->bytes + offset, length);
    return length;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* SubjectPublicKeyInfo of P-256, Ed25519 and RSA as far as the parser looks */
    static const uint8_t ed25519[44] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
    static const uint8_t p256[91] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                                     0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04};
    static const uint8_t rsa[22] = {0x30, 0x14, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7,
                                    0x0d, 0x01, 0x01, 0x01, 0x05, 0x00, 0x03, 0x03, 0x00, 0x01, 0x01};
    static const uint8_t key_hash[32] = {1};
    static const iotsign_stream_t stream = {stream_init, stream_update, stream_finish};
    static const iotsign_verifier_t verifiers[] = {
        {IOTSIGN_SCHEME_ECDSA, IOTSIGN_KEY_P256, &sum_class, 0, judge, NULL},
        {IOTSIGN_SCHEME_RSA_PSS, IOTSIGN_KEY_RSA, &sum_class, 0, judge, NULL},
        {IOTSIGN_SCHEME_ED25519, IOTSIGN_KEY_ED25519, &sum_class, sizeof(stream_t), judge, &stream},
    };
    static const iotsign_trust_anchor_t anchors[] = {{IOTSIGN_ANCHOR_KEY, ed25519, sizeof ed25519},
                                                     {IOTSIGN_ANCHOR_KEY, p256, sizeof p256},
                                                     {IOTSIGN_ANCHOR_KEY, rsa, sizeof rsa},
                                                     {IOTSIGN_ANCHOR_HASH, key_hash, sizeof key_hash}};
    static const iotsign_mcuboot_policy_t policy = {verifiers, 3, anchors, 4, IOTSIGN_MCUBOOT_RAM_LOAD};
    static const iotsign_mcuboot_image_t nothing;
    static uint8_t buffer[255];
    static stream_t work;
    iotsign_scratch_t scratch = {buffer, sizeof buffer, &work, sizeof work};
    iotsign_mcuboot_image_t image;
    flash_t flash = {NULL, 0, 0, 0};
    iotsign_region_t region = {read_flash, &flash, 0};
    iotsign_status_t status;

    if (size < 2) {
        return 0;
    }
    flash.fail_call = data[0];
    scratch.buffer_size = data[1];
    flash.bytes = data + 2;
    flash.size = region.size = (uint32_t)(size - 2);
    status = iotsign_mcuboot_verify(&region, &policy, &scratch, &image);
    if (status != IOTSIGN_OK) {
        require(status <= IOTSIGN_ERROR_MALFORMED && status >= IOTSIGN_ERROR_UNTRUSTED);
        require(memcmp(&image, &nothing, sizeof image) == 0);
        return 0;
    }
    require(image.header_size >= 32 && image.size <= region.size && image.signed_size < image.size);
    require((uint64_t)image.header_size + image.payload_size <= image.signed_size);
    require((image.flags & ~(uint32_t)IOTSIGN_MCUBOOT_RAM_LOAD) == 0);
    require(image.dependency_count <= IOTSIGN_MCUBOOT_MAX_DEPENDENCIES && image.digest_size == 32);
    require(image.has_security_counter != 0 || image.security_counter == 0);
    flash.calls = 0;
    require(iotsign_mcuboot_verify_hardened(&region, &policy, &scratch, &image) == IOTSIGN_TRUSTED ||
            (flash.fail_call != 0 && flash.calls >= flash.fail_call));
    flash.fail_call = 0;
    require(iotsign_mcuboot_verify_hardened(&region, &policy, &scratch, &image) == IOTSIGN_TRUSTED);
    return 0;
}
