/* Canonical base64 (RFC 4648 §3.5, §4): sizes, padding and the last group.
 * SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/base64.h"

#include "base64_groups.h"
#include "memory.h"

iotsign_status_t iotsign_base64_encode(const void *data, size_t length, char *text, size_t capacity, size_t *written)
{
    const uint8_t *bytes = data;
    size_t groups = length / 3, rest = length % 3;
    size_t needed = groups + (rest != 0);

    *written = 0;
    if (needed > capacity / 4) {
        return IOTSIGN_ERROR_SPACE;
    }
    iotsign_base64_groups_encode(bytes, groups, (uint8_t *)text);
    if (rest != 0) {
        uint8_t last[3] = {0, 0, 0};
        char *end = text + 4 * groups;
        memcpy(last, bytes + 3 * groups, rest);
        iotsign_base64_groups_encode(last, 1, (uint8_t *)end);
        end[3] = '=';
        if (rest == 1) {
            end[2] = '=';
        }
    }
    *written = 4 * needed;
    return IOTSIGN_OK;
}

/* The index of the first of count characters that is not in the alphabet; count if all are. */
static size_t first_foreign(const uint8_t *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t probe[4] = {'A', 'A', 'A', 'A'}, scratch[3];
        probe[0] = text[i];
        if (iotsign_base64_groups_decode(probe, 1, scratch) == 0) {
            return i;
        }
    }
    return count;
}

iotsign_status_t iotsign_base64_decode(const char *text, size_t length, void *data, size_t capacity, size_t *written)
{
    const uint8_t *characters = (const uint8_t *)text;
    uint8_t *bytes = data;
    size_t padding = 0, groups = length / 4, rest = length % 4;

    *written = 0;
    if (length == 0) {
        return IOTSIGN_OK;
    }

    /* 1. the result fits */
    if (rest == 0 && characters[length - 1] == '=') {
        padding = characters[length - 2] == '=' ? 2 : 1;
        groups--;
    }
    size_t tail = padding == 0 ? 0 : 3 - padding;
    if (3 * groups + tail > capacity) {
        return IOTSIGN_ERROR_SPACE;
    }

    /* 2. every group without padding is of the alphabet */
    size_t good = iotsign_base64_groups_decode(characters, groups, bytes);
    if (good != groups) {
        *written = 4 * good + first_foreign(characters + 4 * good, 4);
        return IOTSIGN_ERROR_MALFORMED;
    }

    /* 3. nothing is missing at the end */
    if (rest != 0) {
        *written = 4 * good + first_foreign(characters + 4 * good, rest);
        return IOTSIGN_ERROR_MALFORMED;
    }

    /* 4. the group with padding is of the alphabet, and the bits that it does not need are zero */
    if (padding != 0) {
        uint8_t group[4] = {'A', 'A', 'A', 'A'}, last[3];
        const uint8_t *end = characters + 4 * groups;
        memcpy(group, end, 4 - padding);
        if (iotsign_base64_groups_decode(group, 1, last) == 0) {
            *written = 4 * groups + first_foreign(end, 4 - padding);
            return IOTSIGN_ERROR_MALFORMED;
        }
        if (last[tail] != 0) {
            *written = 4 * groups + tail;
            return IOTSIGN_ERROR_MALFORMED;
        }
        memcpy(bytes + 3 * groups, last, tail);
    }
    *written = 3 * groups + tail;
    return IOTSIGN_OK;
}
