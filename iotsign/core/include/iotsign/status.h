/* Status codes of the whole core. 0 is success; every negative value is a named error.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rules of the API: no allocation; the caller owns every context and may copy or move it; pointers never alias unless
 * a function says so; lengths are in bytes; integers on the wire are big-endian unless a function says so. A function
 * that returns iotsign_status_t returns IOTSIGN_OK only after every step has succeeded. */
#ifndef IOTSIGN_STATUS_H
#define IOTSIGN_STATUS_H

typedef enum {
    IOTSIGN_OK = 0,
    IOTSIGN_ERROR_ARGUMENT = -1,    /* a length or pointer breaks the function's contract */
    IOTSIGN_ERROR_MALFORMED = -2,   /* bytes do not have the layout that they claim */
    IOTSIGN_ERROR_KEY = -3,         /* the public key is not acceptable */
    IOTSIGN_ERROR_SIGNATURE = -4,   /* well-formed, and not a signature of this message by this key */
    IOTSIGN_ERROR_UNSUPPORTED = -5, /* an algorithm, curve or flag that this build does not know */
    IOTSIGN_ERROR_READ = -6,        /* the read callback failed or returned fewer bytes */
    IOTSIGN_ERROR_DIGEST = -7,      /* a stored digest differs from the computed one */
    IOTSIGN_ERROR_SPACE = -8,       /* the caller's buffer is too small */
    IOTSIGN_ERROR_IO = -9,          /* a host read or write failed; errno holds the reason */
    IOTSIGN_ERROR_INTERRUPTED = -10, /* the caller's progress callback asked to stop */
    IOTSIGN_ERROR_UNSIGNED = -11,   /* there is no signature */
    IOTSIGN_ERROR_UNTRUSTED = -12   /* signed, by none of the trusted keys */
} iotsign_status_t;

#endif
