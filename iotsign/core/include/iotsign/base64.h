/* Base64 (RFC 4648 §4), canonical only: the standard alphabet, always padded, one text for each sequence of bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_BASE64_H
#define IOTSIGN_BASE64_H

#include <stddef.h>

#include "iotsign/status.h"

/* Exact number of characters for length bytes; length must be at most SIZE_MAX / 4 * 3 - 2. */
#define IOTSIGN_BASE64_ENCODED_SIZE(length) (((length) + 2u) / 3u * 4u)

/* The largest number of bytes that length characters decode to. */
#define IOTSIGN_BASE64_DECODED_MAX(length) ((length) / 4u * 3u)

/* Encodes length bytes of data (0 and NULL are fine) and sets *written to the number of characters; no NUL is added. To
 * encode a long message in parts, give all but the last a length that 3 divides.
 *
 * IOTSIGN_OK
 * IOTSIGN_ERROR_SPACE  capacity is below IOTSIGN_BASE64_ENCODED_SIZE(length); *written is 0, text is untouched */
iotsign_status_t iotsign_base64_encode(const void *data, size_t length, char *text, size_t capacity, size_t *written);

/* Decodes length characters of text (0 and NULL are fine) and sets *written to the number of bytes. White space, the
 * url-safe alphabet, missing or surplus padding and non-zero trailing bits are refused. To decode a long text in parts,
 * give all but the last a length that 4 divides and demand that *written is IOTSIGN_BASE64_DECODED_MAX(length) for them:
 * that refuses padding in the middle.
 *
 * IOTSIGN_OK
 * IOTSIGN_ERROR_MALFORMED  *written is the offset in text of the first offending character (length, if characters are
 *                          missing at the end); data holds nothing of use
 * IOTSIGN_ERROR_SPACE      the result is longer than capacity; *written is 0, data is untouched */
iotsign_status_t iotsign_base64_decode(const char *text, size_t length, void *data, size_t capacity, size_t *written);

#endif
