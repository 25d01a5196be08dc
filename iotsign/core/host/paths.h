/* Every SIMD path of the host build. Each does what the portable link unit of the same name in src/ does; the dispatchers
 * call one only where the CPU has what it needs.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_PATHS_H
#define IOTSIGN_PATHS_H

#include <stddef.h>
#include <stdint.h>

void iotsign_sha1_compress_portable(uint32_t state[5], const uint8_t *blocks, size_t count);
void iotsign_sha1_compress_x86(uint32_t state[5], const uint8_t *blocks, size_t count);
void iotsign_sha1_compress_arm(uint32_t state[5], const uint8_t *blocks, size_t count);

void iotsign_sha256_compress_portable(uint32_t state[8], const uint8_t *blocks, size_t count);
void iotsign_sha256_compress_x86(uint32_t state[8], const uint8_t *blocks, size_t count);
void iotsign_sha256_compress_arm(uint32_t state[8], const uint8_t *blocks, size_t count);

void iotsign_sha512_compress_portable(uint64_t state[8], const uint8_t *blocks, size_t count);
void iotsign_sha512_compress_avx2(uint64_t state[8], const uint8_t *blocks, size_t count);
void iotsign_sha512_compress_avx512(uint64_t state[8], const uint8_t *blocks, size_t count);
void iotsign_sha512_compress_arm(uint64_t state[8], const uint8_t *blocks, size_t count);

/* Several messages at once: count blocks of each. The states of N lanes lie transposed: states[word * N + lane]. */
void iotsign_sha256_lanes2_x86(uint32_t *states, const uint8_t *const *blocks, size_t count);
void iotsign_sha256_lanes8_avx2(uint32_t *states, const uint8_t *const *blocks, size_t count);
void iotsign_sha256_lanes16_avx512(uint32_t *states, const uint8_t *const *blocks, size_t count);

/* These do as many leading groups as they can without touching a byte beyond the count groups, and return how many. A
 * decoder also stops before a group with a foreign character. */
size_t iotsign_base64_encode_avx2(const uint8_t *data, size_t count, uint8_t *text);
size_t iotsign_base64_encode_vbmi(const uint8_t *data, size_t count, uint8_t *text);
size_t iotsign_base64_encode_neon(const uint8_t *data, size_t count, uint8_t *text);
size_t iotsign_base64_decode_avx2(const uint8_t *text, size_t count, uint8_t *data);
size_t iotsign_base64_decode_vbmi(const uint8_t *text, size_t count, uint8_t *data);
size_t iotsign_base64_decode_neon(const uint8_t *text, size_t count, uint8_t *data);

void iotsign_base64_groups_encode_portable(const uint8_t *data, size_t count, uint8_t *text);
size_t iotsign_base64_groups_decode_portable(const uint8_t *text, size_t count, uint8_t *data);

#endif
