/* Reads JSON tokens from a file through a window of constant size. Strict: no escapes, no characters but printable ASCII
 * in strings, no numbers but plain non-negative integers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Functions return IOTSIGN_OK, or IOTSIGN_ERROR_MALFORMED, IOTSIGN_ERROR_IO with *fault, or IOTSIGN_ERROR_INTERRUPTED. */
#ifndef IOTSIGN_SCANNER_H
#define IOTSIGN_SCANNER_H

#include "file.h"

/* What iotsign_scanner_peek finds behind the last byte. */
#define IOTSIGN_SCANNER_END (-1)

typedef struct {
    iotsign_file_t *input;
    iotsign_ring_t *ring; /* whose stop request ends the reading */
    iotsign_fault_t *fault;
    char *window;
    size_t size;       /* of the window, bytes */
    size_t begin, end; /* the part of the window that was read and not consumed */
    uint64_t offset;   /* bytes consumed */
    bool at_end;       /* nothing follows the window */
} iotsign_scanner_t;

/* Sets a fault: expected something, got this byte or IOTSIGN_SCANNER_END at the current offset. */
iotsign_status_t iotsign_scanner_refuse(iotsign_scanner_t *scanner, const char *code, const char *expected, int got);

/* Adds what can be read without waiting long to the window. Needs room in it: begin > 0 or end < its size. */
iotsign_status_t iotsign_scanner_fill(iotsign_scanner_t *scanner);

/* Marks length bytes of the window as consumed. */
void iotsign_scanner_consume(iotsign_scanner_t *scanner, size_t length);

/* Looks at the next byte, 0 to 255, or IOTSIGN_SCANNER_END. */
iotsign_status_t iotsign_scanner_peek(iotsign_scanner_t *scanner, int *byte);

/* Looks at the next byte that is no JSON white space. */
iotsign_status_t iotsign_scanner_peek_token(iotsign_scanner_t *scanner, int *byte);

/* Consumes this character, after white space. expected says what it is, for the message. */
iotsign_status_t iotsign_scanner_expect(iotsign_scanner_t *scanner, char character, const char *expected);

/* Consumes a string, after white space, of at most capacity - 1 characters; adds a NUL. */
iotsign_status_t iotsign_scanner_string(
    iotsign_scanner_t *scanner, char *text, size_t capacity, size_t *length, const char *expected);

/* Consumes an integer, after white space: 0 to 2^63 - 1, without sign and leading zeros. */
iotsign_status_t iotsign_scanner_integer(iotsign_scanner_t *scanner, uint64_t *value, const char *expected);

#endif
