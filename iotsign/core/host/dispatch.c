/* The link units of src/ as dispatchers: each call takes the best path that iotsign_cpu_selected() allows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "../src/base64_groups.h"
#include "../src/sha1_compress.h"
#include "../src/sha256_compress.h"
#include "../src/sha512_compress.h"
#include "cpu.h"
#include "paths.h"

#if defined(IOTSIGN_PATHS_X86)

void iotsign_sha1_compress(uint32_t state[5], const uint8_t *blocks, size_t count)
{
    if ((iotsign_cpu_selected() & IOTSIGN_CPU_X86_SHA) != 0) {
        iotsign_sha1_compress_x86(state, blocks, count);
    } else {
        iotsign_sha1_compress_portable(state, blocks, count);
    }
}

void iotsign_sha256_compress(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    if ((iotsign_cpu_selected() & IOTSIGN_CPU_X86_SHA) != 0) {
        iotsign_sha256_compress_x86(state, blocks, count);
    } else {
        iotsign_sha256_compress_portable(state, blocks, count);
    }
}

void iotsign_sha512_compress(uint64_t state[8], const uint8_t *blocks, size_t count)
{
    unsigned features = iotsign_cpu_selected();
    if ((features & IOTSIGN_CPU_X86_AVX512) != 0) {
        iotsign_sha512_compress_avx512(state, blocks, count);
    } else if ((features & IOTSIGN_CPU_X86_AVX2) != 0) {
        iotsign_sha512_compress_avx2(state, blocks, count);
    } else {
        iotsign_sha512_compress_portable(state, blocks, count);
    }
}

static size_t groups_encode(const uint8_t *data, size_t count, uint8_t *text)
{
    unsigned features = iotsign_cpu_selected();
    if ((features & IOTSIGN_CPU_X86_VBMI) != 0) {
        return iotsign_base64_encode_vbmi(data, count, text);
    }
    return (features & IOTSIGN_CPU_X86_AVX2) != 0 ? iotsign_base64_encode_avx2(data, count, text) : 0;
}

static size_t groups_decode(const uint8_t *text, size_t count, uint8_t *data)
{
    unsigned features = iotsign_cpu_selected();
    if ((features & IOTSIGN_CPU_X86_VBMI) != 0) {
        return iotsign_base64_decode_vbmi(text, count, data);
    }
    return (features & IOTSIGN_CPU_X86_AVX2) != 0 ? iotsign_base64_decode_avx2(text, count, data) : 0;
}

#elif defined(IOTSIGN_PATHS_ARM)

void iotsign_sha1_compress(uint32_t state[5], const uint8_t *blocks, size_t count)
{
    if ((iotsign_cpu_selected() & IOTSIGN_CPU_ARM_SHA1) != 0) {
        iotsign_sha1_compress_arm(state, blocks, count);
    } else {
        iotsign_sha1_compress_portable(state, blocks, count);
    }
}

void iotsign_sha256_compress(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    if ((iotsign_cpu_selected() & IOTSIGN_CPU_ARM_SHA256) != 0) {
        iotsign_sha256_compress_arm(state, blocks, count);
    } else {
        iotsign_sha256_compress_portable(state, blocks, count);
    }
}

void iotsign_sha512_compress(uint64_t state[8], const uint8_t *blocks, size_t count)
{
    if ((iotsign_cpu_selected() & IOTSIGN_CPU_ARM_SHA512) != 0) {
        iotsign_sha512_compress_arm(state, blocks, count);
    } else {
        iotsign_sha512_compress_portable(state, blocks, count);
    }
}

static size_t groups_encode(const uint8_t *data, size_t count, uint8_t *text)
{
    return (iotsign_cpu_selected() & IOTSIGN_CPU_ARM_NEON) != 0 ? iotsign_base64_encode_neon(data, count, text) : 0;
}

static size_t groups_decode(const uint8_t *text, size_t count, uint8_t *data)
{
    return (iotsign_cpu_selected() & IOTSIGN_CPU_ARM_NEON) != 0 ? iotsign_base64_decode_neon(text, count, data) : 0;
}

#else

void iotsign_sha1_compress(uint32_t state[5], const uint8_t *blocks, size_t count)
{
    iotsign_sha1_compress_portable(state, blocks, count);
}

void iotsign_sha256_compress(uint32_t state[8], const uint8_t *blocks, size_t count)
{
    iotsign_sha256_compress_portable(state, blocks, count);
}

void iotsign_sha512_compress(uint64_t state[8], const uint8_t *blocks, size_t count)
{
    iotsign_sha512_compress_portable(state, blocks, count);
}

static size_t groups_encode(const uint8_t *data, size_t count, uint8_t *text)
{
    (void)data, (void)count, (void)text;
    return 0;
}

static size_t groups_decode(const uint8_t *text, size_t count, uint8_t *data)
{
    (void)data, (void)count, (void)text;
    return 0;
}

#endif

void iotsign_base64_groups_encode(const uint8_t *data, size_t count, uint8_t *text)
{
    size_t done = groups_encode(data, count, text);
    iotsign_base64_groups_encode_portable(data + 3 * done, count - done, text + 4 * done);
}

size_t iotsign_base64_groups_decode(const uint8_t *text, size_t count, uint8_t *data)
{
    size_t done = groups_decode(text, count, data);
    return done + iotsign_base64_groups_decode_portable(text + 4 * done, count - done, data + 3 * done);
}
