/* Base64 by table, one group of 3 bytes and 4 characters at a time.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base64_groups.h"

static const uint8_t alphabet[64] = {
    'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'I', 'J', 'K', 'L', 'M', 'N', 'O', 'P', 'Q', 'R', 'S', 'T', 'U', 'V',
    'W', 'X', 'Y', 'Z', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r',
    's', 't', 'u', 'v', 'w', 'x', 'y', 'z', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '+', '/'};

#define NONE 0xFFu

/* by character, from '+' (the lowest) to 'z' (the highest of the alphabet) */
static const uint8_t values['z' - '+' + 1] = {
    62, NONE, NONE, NONE, 63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, NONE,
    NONE, NONE, NONE, NONE, NONE, NONE, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
    NONE, NONE, NONE, NONE, NONE, NONE, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35,
    36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51};

static uint32_t value_of(uint8_t character)
{
    return character >= '+' && character <= 'z' ? values[character - '+'] : NONE;
}

void iotsign_base64_groups_encode(const uint8_t *data, size_t count, uint8_t *text)
{
    for (; count != 0; count--) {
        text[0] = alphabet[data[0] >> 2];
        text[1] = alphabet[(data[0] & 3u) << 4 | data[1] >> 4];
        text[2] = alphabet[(data[1] & 15u) << 2 | data[2] >> 6];
        text[3] = alphabet[data[2] & 63u];
        data += 3;
        text += 4;
    }
}

size_t iotsign_base64_groups_decode(const uint8_t *text, size_t count, uint8_t *data)
{
    for (size_t done = 0; done < count; done++) {
        uint32_t a = value_of(text[0]), b = value_of(text[1]);
        uint32_t c = value_of(text[2]), d = value_of(text[3]);
        uint32_t group = a << 18 | b << 12 | c << 6 | d;

        if (((a | b | c | d) & 0xC0u) != 0) {
            return done;
        }
        data[0] = (uint8_t)(group >> 16);
        data[1] = (uint8_t)(group >> 8 & 0xFFu);
        data[2] = (uint8_t)(group & 0xFFu);
        text += 4;
        data += 3;
    }
    return count;
}
