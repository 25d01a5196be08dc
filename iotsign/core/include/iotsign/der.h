/* A strict reader of DER (X.690 §10, §11): definite lengths in their shortest form, and nothing read beyond the end.
 * Only what public keys and signatures need.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A reader is the bytes not yet read. Reading takes an element off its front; the content is a reader again:
 *
 *     iotsign_der_t reader = {bytes, length}, sequence, number;
 *     status = iotsign_der_read(&reader, IOTSIGN_DER_SEQUENCE, &sequence);   then the next element of &sequence, …
 *     a reader with length 0 at the end: nothing trails
 *
 * Whoever reads every element so, and checks for the end of each, accepts only what re-encodes to itself. */
#ifndef IOTSIGN_DER_H
#define IOTSIGN_DER_H

#include <stddef.h>
#include <stdint.h>

#include "iotsign/status.h"

#define IOTSIGN_DER_INTEGER 0x02u
#define IOTSIGN_DER_BIT_STRING 0x03u
#define IOTSIGN_DER_OCTET_STRING 0x04u
#define IOTSIGN_DER_NULL 0x05u
#define IOTSIGN_DER_OID 0x06u
#define IOTSIGN_DER_SEQUENCE 0x30u

typedef struct {
    const uint8_t *data; /* points into the caller's bytes, which must outlive it */
    size_t length;
} iotsign_der_t;

/* Take the next element, which must have this tag (one byte; there are no long-form tags). *content may be *reader.
 * IOTSIGN_ERROR_MALFORMED: another tag, a length that is indefinite, not the shortest, above 2^32-1 or beyond the end.
 * On an error neither *reader nor *content has changed. */
iotsign_status_t iotsign_der_read(iotsign_der_t *reader, uint8_t tag, iotsign_der_t *content);

/* Take the next element, an INTEGER >= 0. *magnitude receives its big-endian bytes without leading zeros: none for 0.
 * IOTSIGN_ERROR_MALFORMED: as above; negative, empty, or with a redundant leading zero. Neither has changed then. */
iotsign_status_t iotsign_der_read_unsigned(iotsign_der_t *reader, iotsign_der_t *magnitude);

#endif
