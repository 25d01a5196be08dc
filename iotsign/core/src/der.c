/* SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/der.h"

iotsign_status_t iotsign_der_read(iotsign_der_t *reader, uint8_t tag, iotsign_der_t *content)
{
    const uint8_t *next = reader->data;
    size_t left = reader->length;
    size_t length;

    if (left < 2u || next[0] != tag) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    length = next[1];
    next += 2;
    left -= 2u;
    if (length >= 0x80u) {
        size_t count = length - 0x80u;
        /* 0 is the indefinite form; a first byte of 0 would not be the shortest form */
        if (count == 0u || count > 4u || count > left || next[0] == 0u) {
            return IOTSIGN_ERROR_MALFORMED;
        }
        left -= count;
        length = 0u;
        for (; count > 0u; count--) {
            length = (length << 8) | *next++;
        }
        if (length < 0x80u) {
            return IOTSIGN_ERROR_MALFORMED;
        }
    }
    if (length > left) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    reader->data = next + length;
    reader->length = left - length;
    content->data = next;
    content->length = length;
    return IOTSIGN_OK;
}

iotsign_status_t iotsign_der_read_unsigned(iotsign_der_t *reader, iotsign_der_t *magnitude)
{
    iotsign_der_t after = *reader;
    iotsign_der_t content;

    if (iotsign_der_read(&after, IOTSIGN_DER_INTEGER, &content) != IOTSIGN_OK || content.length == 0u ||
        content.data[0] >= 0x80u) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    if (content.data[0] == 0u) {
        /* a leading zero byte is due only to the number 0 and to numbers whose top bit is set */
        if (content.length > 1u && content.data[1] < 0x80u) {
            return IOTSIGN_ERROR_MALFORMED;
        }
        content.data++;
        content.length--;
    }
    *reader = after;
    *magnitude = content;
    return IOTSIGN_OK;
}
