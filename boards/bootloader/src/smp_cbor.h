/* The part of CBOR that SMP needs: a map of scalars to read, anything short to write.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: RFC 8949 §3. */
#ifndef IOTSIGN_BOOTLOADER_SMP_CBOR_H
#define IOTSIGN_BOOTLOADER_SMP_CBOR_H

#include <stddef.h>
#include <stdint.h>

typedef enum {
    IOTSIGN_CBOR_UINT = 0,
    IOTSIGN_CBOR_BYTES = 2,
    IOTSIGN_CBOR_TEXT = 3,
    IOTSIGN_CBOR_ARRAY = 4,
    IOTSIGN_CBOR_MAP = 5,
    IOTSIGN_CBOR_SIMPLE = 7
} iotsign_cbor_major_t;

/* Every key that a request may hold and that means something, in the order of the table in smp_cbor.c. */
typedef enum {
    IOTSIGN_KEY_ALG,
    IOTSIGN_KEY_BOOT_MODE,
    IOTSIGN_KEY_CONFIRM,
    IOTSIGN_KEY_D,
    IOTSIGN_KEY_DATA,
    IOTSIGN_KEY_HASH,
    IOTSIGN_KEY_IMAGE,
    IOTSIGN_KEY_LEN,
    IOTSIGN_KEY_NONCE,
    IOTSIGN_KEY_OFF,
    IOTSIGN_KEY_QUERY,
    IOTSIGN_KEY_SHA,
    IOTSIGN_KEY_SIG,
    IOTSIGN_KEY_SLOT,
    IOTSIGN_KEY_UPGRADE,
    IOTSIGN_KEYS
} iotsign_smp_key_t;

typedef struct {
    uint32_t present;              /* bit 1 << key */
    uint32_t value[IOTSIGN_KEYS];  /* number, 1 or 0 of a truth value, or bytes of a string; 0 if absent */
    const uint8_t *data[IOTSIGN_KEYS]; /* a string's bytes; points into what was parsed */
} iotsign_smp_fields_t;

/* Parse a map of text keys to numbers, strings and truth values. Returns 0, or -1 and fields of no use: nested values, tags,
 * floats and indefinite strings, numbers above UINT32_MAX, a key twice, a known key with a value of another type, missing or
 * surplus bytes. Unknown keys are skipped. The map itself may be of indefinite length. */
int iotsign_cbor_parse(iotsign_smp_fields_t *fields, const uint8_t *data, size_t length);

typedef struct {
    uint8_t *bytes;
    size_t length;
    size_t capacity; /* what does not fit any more is left out and makes length larger than capacity */
} iotsign_cbor_t;

/* What is written may lie in the same buffer, at or behind the place where it is written to. */
void iotsign_cbor_put_head(iotsign_cbor_t *cbor, iotsign_cbor_major_t major, uint32_t value);
void iotsign_cbor_put_bytes(iotsign_cbor_t *cbor, const void *data, size_t length);
void iotsign_cbor_put_text(iotsign_cbor_t *cbor, const char *text); /* ends with NUL */
void iotsign_cbor_put_string(iotsign_cbor_t *cbor, const void *text, size_t length);
void iotsign_cbor_put_uint(iotsign_cbor_t *cbor, const char *key, uint32_t value);
void iotsign_cbor_put_bool(iotsign_cbor_t *cbor, const char *key, int value);

#endif
