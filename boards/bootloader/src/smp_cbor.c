/* SPDX-License-Identifier: Apache-2.0 */
#include "smp_cbor.h"

#include <string.h>

#define NEGATIVE 1u
#define INDEFINITE 31u
#define BREAK 0xffu
#define CBOR_FALSE 20u
#define CBOR_UNDEFINED 23u
#define LONGEST_KEY 9u

typedef struct {
    char name[LONGEST_KEY];
    uint8_t length;
    uint8_t types; /* bit 1 << major */
} known_key_t;

#define NUMBER (1u << IOTSIGN_CBOR_UINT)
#define TEXT (1u << IOTSIGN_CBOR_TEXT)
#define STRING (1u << IOTSIGN_CBOR_BYTES | TEXT)
#define TRUTH (1u << IOTSIGN_CBOR_SIMPLE)

static const known_key_t known_keys[IOTSIGN_KEYS] = {
    {"alg", 3, TEXT},     {"boot_mode", 9, NUMBER}, {"confirm", 7, TRUTH}, {"d", 1, TEXT},       {"data", 4, STRING},
    {"hash", 4, STRING},  {"image", 5, NUMBER},     {"len", 3, NUMBER},    {"nonce", 5, STRING}, {"off", 3, NUMBER},
    {"query", 5, TEXT},   {"sha", 3, STRING},       {"sig", 3, STRING},    {"slot", 4, NUMBER},  {"upgrade", 7, TRUTH},
};

typedef struct {
    const uint8_t *at;
    size_t left;
} input_t;

typedef struct {
    uint8_t major;
    uint32_t value;
    const uint8_t *data; /* of a string, value bytes */
} item_t;

/* Read the head of an item and, if it is a string, step over its bytes. */
static int take(input_t *input, item_t *item)
{
    if (input->left == 0u) {
        return -1;
    }
    uint8_t info = *input->at & 0x1fu;
    item->major = *input->at >> 5;
    item->value = info;
    input->at++;
    input->left--;
    if (info >= 24u) {
        size_t size = (size_t)1 << (info - 24u);
        if (info > 26u || input->left < size) {
            return -1; /* eight bytes, reserved or indefinite */
        }
        item->value = 0;
        for (size_t i = 0; i < size; i++) {
            item->value = item->value << 8 | input->at[i];
        }
        input->at += size;
        input->left -= size;
        if (item->major == IOTSIGN_CBOR_SIMPLE) {
            return -1; /* a float, or a simple value that nobody has defined */
        }
    }
    item->data = input->at;
    if (item->major == IOTSIGN_CBOR_BYTES || item->major == IOTSIGN_CBOR_TEXT) {
        if (item->value > input->left) {
            return -1;
        }
        input->at += item->value;
        input->left -= item->value;
        return 0;
    }
    if (item->major == IOTSIGN_CBOR_SIMPLE) {
        if (item->value < CBOR_FALSE || item->value > CBOR_UNDEFINED) {
            return -1;
        }
        item->value -= CBOR_FALSE;
        return 0;
    }
    return item->major <= NEGATIVE ? 0 : -1;
}

static unsigned find_key(const item_t *key)
{
    unsigned i = 0;
    while (i < IOTSIGN_KEYS &&
           (key->value != known_keys[i].length || memcmp(key->data, known_keys[i].name, key->value) != 0)) {
        i++;
    }
    return i;
}

static int take_pair(input_t *input, iotsign_smp_fields_t *fields)
{
    item_t key;
    item_t value;
    if (take(input, &key) != 0 || key.major != IOTSIGN_CBOR_TEXT || take(input, &value) != 0) {
        return -1;
    }
    unsigned i = find_key(&key);
    if (i == IOTSIGN_KEYS) {
        return 0;
    }
    int is_truth = value.major == IOTSIGN_CBOR_SIMPLE;
    if ((fields->present >> i & 1u) != 0u || (known_keys[i].types >> value.major & 1u) == 0u ||
        (is_truth && value.value > 1u)) {
        return -1;
    }
    fields->present |= (uint32_t)1 << i;
    fields->value[i] = value.value;
    fields->data[i] = value.data;
    return 0;
}

int iotsign_cbor_parse(iotsign_smp_fields_t *fields, const uint8_t *data, size_t length)
{
    input_t input = {data, length};
    memset(fields, 0, sizeof *fields);
    if (length == 0u || data[0] >> 5 != IOTSIGN_CBOR_MAP) {
        return -1;
    }
    unsigned pairs = data[0] & 0x1fu;
    if (pairs >= 24u && pairs != INDEFINITE) {
        return -1; /* no request has so many */
    }
    input.at++;
    input.left--;
    while (pairs == INDEFINITE ? input.left == 0u || *input.at != BREAK : pairs > 0u) {
        if (take_pair(&input, fields) != 0) {
            return -1;
        }
        pairs -= pairs != INDEFINITE ? 1u : 0u;
    }
    return input.left == (pairs == INDEFINITE ? 1u : 0u) ? 0 : -1;
}

static void put(iotsign_cbor_t *cbor, const void *data, size_t length)
{
    const uint8_t *from = data;
    if (cbor->length > cbor->capacity || length > cbor->capacity - cbor->length) {
        cbor->length = cbor->capacity + 1u;
        return;
    }
    for (; length > 0u; length--) {
        cbor->bytes[cbor->length++] = *from++;
    }
}

void iotsign_cbor_put_head(iotsign_cbor_t *cbor, iotsign_cbor_major_t major, uint32_t value)
{
    uint8_t head[5];
    size_t size = value < 24u ? 0u : value <= 0xffu ? 1u : value <= 0xffffu ? 2u : 4u;
    unsigned info = size == 0u ? value : size == 4u ? 26u : 23u + (unsigned)size;
    head[0] = (uint8_t)((unsigned)major << 5 | info);
    for (size_t i = size; i > 0u; i--) {
        head[i] = (uint8_t)value;
        value >>= 8;
    }
    put(cbor, head, size + 1u);
}

void iotsign_cbor_put_bytes(iotsign_cbor_t *cbor, const void *data, size_t length)
{
    iotsign_cbor_put_head(cbor, IOTSIGN_CBOR_BYTES, (uint32_t)length);
    put(cbor, data, length);
}

void iotsign_cbor_put_string(iotsign_cbor_t *cbor, const void *text, size_t length)
{
    iotsign_cbor_put_head(cbor, IOTSIGN_CBOR_TEXT, (uint32_t)length);
    put(cbor, text, length);
}

void iotsign_cbor_put_text(iotsign_cbor_t *cbor, const char *text)
{
    size_t length = 0;
    while (text[length] != '\0') {
        length++;
    }
    iotsign_cbor_put_string(cbor, text, length);
}

void iotsign_cbor_put_uint(iotsign_cbor_t *cbor, const char *key, uint32_t value)
{
    iotsign_cbor_put_text(cbor, key);
    iotsign_cbor_put_head(cbor, IOTSIGN_CBOR_UINT, value);
}

void iotsign_cbor_put_bool(iotsign_cbor_t *cbor, const char *key, int value)
{
    iotsign_cbor_put_text(cbor, key);
    iotsign_cbor_put_head(cbor, IOTSIGN_CBOR_SIMPLE, CBOR_FALSE + (value != 0));
}
