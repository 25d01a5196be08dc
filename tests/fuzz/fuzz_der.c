/* The DER reader and ECDSA signatures: what is read re-encodes to the bytes that were there.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "iotsign/der.h"
#include "iotsign/ecdsa.h"

static void require(int holds)
{
    if (!holds) {
        abort();
    }
}

/* Write tag and length; returns how many bytes that took. */
static size_t encode_header(uint8_t *target, uint8_t tag, size_t length)
{
    size_t count = 0;

    target[0] = tag;
    if (length < 0x80) {
        target[1] = (uint8_t)length;
        return 2;
    }
    for (size_t rest = length; rest != 0; rest >>= 8) {
        count++;
    }
    target[1] = (uint8_t)(0x80 + count);
    for (size_t i = 0; i < count; i++) {
        target[2 + i] = (uint8_t)(length >> 8 * (count - 1 - i));
    }
    return 2 + count;
}

static size_t encode_number(uint8_t *target, const uint8_t *magnitude, size_t length)
{
    size_t zero = length == 0 || magnitude[0] >= 0x80 ? 1 : 0;
    size_t header = encode_header(target, IOTSIGN_DER_INTEGER, length + zero);

    target[header] = 0;
    if (length != 0) {
        memcpy(target + header + zero, magnitude, length);
    }
    return header + zero + length;
}

static void check_elements(const uint8_t *data, size_t size)
{
    iotsign_der_t reader = {data, size}, content;
    uint8_t header[8];
    static uint8_t number[4096];

    while (reader.length > 0) {
        iotsign_der_t before = reader;
        if (iotsign_der_read_unsigned(&reader, &content) == IOTSIGN_OK) {
            size_t length = encode_number(number, content.data, content.length);
            require(length == before.length - reader.length && memcmp(number, before.data, length) == 0);
            continue;
        }
        require(reader.data == before.data && reader.length == before.length);
        if (iotsign_der_read(&reader, before.data[0], &content) != IOTSIGN_OK) {
            require(reader.data == before.data && reader.length == before.length);
            return;
        }
        size_t length = encode_header(header, before.data[0], content.length);
        require(content.data == before.data + length && memcmp(header, before.data, length) == 0);
        require(reader.data == content.data + content.length && reader.data + reader.length == data + size);
    }
}

static void check_signature(const uint8_t *data, size_t size, size_t half)
{
    uint8_t rs[96], body[128], whole[136];
    size_t length = 0;

    if (iotsign_ecdsa_der_decode(data, size, half, rs) != IOTSIGN_OK) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        const uint8_t *number = rs + i * half;
        size_t zeros = 0;
        while (zeros < half && number[zeros] == 0) {
            zeros++;
        }
        length += encode_number(body + length, number + zeros, half - zeros);
    }
    size_t header = encode_header(whole, IOTSIGN_DER_SEQUENCE, length);
    memcpy(whole + header, body, length);
    require(header + length == size && memcmp(whole, data, size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_elements(data, size);
    check_signature(data, size, 32);
    check_signature(data, size, 48);
    return 0;
}
