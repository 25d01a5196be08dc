/* SPDX-License-Identifier: Apache-2.0 */
#include "scanner.h"

#include <string.h>

iotsign_status_t iotsign_scanner_refuse(iotsign_scanner_t *scanner, const char *code, const char *expected, int got)
{
    unsigned long long offset = (unsigned long long)scanner->offset;

    if (got == IOTSIGN_SCANNER_END) {
        return iotsign_fault_set(
            scanner->fault, IOTSIGN_ERROR_MALFORMED, "UnexpectedEnd", scanner->offset, 0,
            "expected %s, got the end of the file at offset %llu", expected, offset);
    }
    if (got > ' ' && got < 0x7F) {
        return iotsign_fault_set(
            scanner->fault, IOTSIGN_ERROR_MALFORMED, code, scanner->offset, 0, "expected %s, got '%c' at offset %llu",
            expected, got, offset);
    }
    return iotsign_fault_set(
        scanner->fault, IOTSIGN_ERROR_MALFORMED, code, scanner->offset, 0, "expected %s, got byte 0x%02x at offset %llu",
        expected, (unsigned)got, offset);
}

iotsign_status_t iotsign_scanner_fill(iotsign_scanner_t *scanner)
{
    size_t got = 0, left = scanner->end - scanner->begin;

    memmove(scanner->window, scanner->window + scanner->begin, left);
    scanner->begin = 0;
    scanner->end = left;
    iotsign_status_t status = iotsign_file_read(
        scanner->input, scanner->ring, scanner->window + left, scanner->size - left, true, &got,
        scanner->fault);
    scanner->end += got;
    scanner->at_end = status == IOTSIGN_OK && got == 0;
    return status;
}

void iotsign_scanner_consume(iotsign_scanner_t *scanner, size_t length)
{
    scanner->begin += length;
    scanner->offset += length;
}

iotsign_status_t iotsign_scanner_peek(iotsign_scanner_t *scanner, int *byte)
{
    iotsign_status_t status = IOTSIGN_OK;

    if (scanner->begin == scanner->end && !scanner->at_end) {
        status = iotsign_scanner_fill(scanner);
    }
    *byte = scanner->begin == scanner->end ? IOTSIGN_SCANNER_END : (unsigned char)scanner->window[scanner->begin];
    return status;
}

iotsign_status_t iotsign_scanner_peek_token(iotsign_scanner_t *scanner, int *byte)
{
    for (;;) {
        iotsign_status_t status = iotsign_scanner_peek(scanner, byte);
        if (status != IOTSIGN_OK || !(*byte == ' ' || *byte == '\t' || *byte == '\n' || *byte == '\r')) {
            return status;
        }
        iotsign_scanner_consume(scanner, 1);
    }
}

iotsign_status_t iotsign_scanner_expect(iotsign_scanner_t *scanner, char character, const char *expected)
{
    int byte = IOTSIGN_SCANNER_END;

    iotsign_status_t status = iotsign_scanner_peek_token(scanner, &byte);
    if (status != IOTSIGN_OK) {
        return status;
    }
    if (byte != character) {
        return iotsign_scanner_refuse(scanner, "UnexpectedCharacter", expected, byte);
    }
    iotsign_scanner_consume(scanner, 1);
    return IOTSIGN_OK;
}

/* How many of length bytes are printable ASCII other than '"' and '\\'. */
static size_t plain_length(const char *bytes, size_t length)
{
    size_t count = 0;

    while (count < length && bytes[count] >= ' ' && bytes[count] <= '~' && bytes[count] != '"' && bytes[count] != '\\') {
        count++;
    }
    return count;
}

iotsign_status_t iotsign_scanner_string(
    iotsign_scanner_t *scanner, char *text, size_t capacity, size_t *length, const char *expected)
{
    int byte = IOTSIGN_SCANNER_END;

    *length = 0;
    iotsign_status_t status = iotsign_scanner_expect(scanner, '"', expected);
    while (status == IOTSIGN_OK) {
        status = iotsign_scanner_peek(scanner, &byte);
        if (status != IOTSIGN_OK) {
            break;
        }
        const char *bytes = scanner->window + scanner->begin;
        size_t seen = scanner->end - scanner->begin, room = capacity - 1 - *length;
        size_t count = plain_length(bytes, seen < room ? seen : room);
        if (count == 0) {
            break;
        }
        memcpy(text + *length, bytes, count);
        *length += count;
        iotsign_scanner_consume(scanner, count);
    }
    if (status != IOTSIGN_OK) {
        return status;
    }
    if (byte == '"') {
        text[*length] = '\0';
        iotsign_scanner_consume(scanner, 1);
        return IOTSIGN_OK;
    }
    if (byte < ' ' || byte > '~' || byte == '\\') {
        return iotsign_scanner_refuse(scanner, "UnexpectedCharacter", "printable ASCII without escapes", byte);
    }
    return iotsign_fault_set(
        scanner->fault, IOTSIGN_ERROR_MALFORMED, "StringTooLong", scanner->offset, 0,
        "expected %s of at most %zu characters, got more at offset %llu", expected, capacity - 1,
        (unsigned long long)scanner->offset);
}

iotsign_status_t iotsign_scanner_integer(iotsign_scanner_t *scanner, uint64_t *value, const char *expected)
{
    int byte = IOTSIGN_SCANNER_END;
    unsigned digits = 0;

    *value = 0;
    iotsign_status_t status = iotsign_scanner_peek_token(scanner, &byte);
    while (status == IOTSIGN_OK && byte >= '0' && byte <= '9') {
        if (digits == 1 && *value == 0) {
            return iotsign_scanner_refuse(scanner, "LeadingZero", "a number without leading zeros", byte);
        }
        if (*value > ((uint64_t)INT64_MAX - (uint64_t)(byte - '0')) / 10) {
            return iotsign_scanner_refuse(scanner, "NumberTooLarge", "a number below 2^63", byte);
        }
        *value = *value * 10 + (uint64_t)(byte - '0');
        digits++;
        iotsign_scanner_consume(scanner, 1);
        status = iotsign_scanner_peek(scanner, &byte);
    }
    if (status != IOTSIGN_OK) {
        return status;
    }
    if (digits == 0 || byte == '.' || byte == 'e' || byte == 'E') {
        return iotsign_scanner_refuse(scanner, "NotAnInteger", expected, byte);
    }
    return IOTSIGN_OK;
}
