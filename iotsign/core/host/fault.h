/* Why a host operation failed, in words for people and a code for scripts.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_FAULT_H
#define IOTSIGN_FAULT_H

#include <stdint.h>

#include "iotsign/status.h"

typedef struct {
    const char *code;  /* a CamelCase word, static; NULL while nothing failed */
    uint64_t offset;   /* bytes from the start of the file, or of what was read of a stream */
    int error_number;  /* errno of a failed system call, else 0 */
    char message[224]; /* NUL-terminated */
} iotsign_fault_t;

/* Fills in a fault and returns status. error_number, if not 0, adds the system's text to the message. */
iotsign_status_t iotsign_fault_set(
    iotsign_fault_t *fault, iotsign_status_t status, const char *code, uint64_t offset, int error_number,
    const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 6, 7)))
#endif
    ;

#endif
