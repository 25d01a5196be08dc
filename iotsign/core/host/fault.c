/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

iotsign_status_t iotsign_fault_set(
    iotsign_fault_t *fault, iotsign_status_t status, const char *code, uint64_t offset, int error_number,
    const char *format, ...)
{
    va_list arguments;

    fault->code = code;
    fault->offset = offset;
    fault->error_number = error_number;
    va_start(arguments, format);
    int length = vsnprintf(fault->message, sizeof fault->message, format, arguments);
    va_end(arguments);
    if (error_number != 0 && length >= 0 && (size_t)length + 3 < sizeof fault->message) {
        size_t room = sizeof fault->message - (size_t)length;
        char *end = fault->message + length;
        memcpy(end, ": ", 3);
        if (strerror_r(error_number, end + 2, room - 2) != 0) {
            (void)snprintf(end, room, ": error %d", error_number);
        }
    }
    return status;
}
