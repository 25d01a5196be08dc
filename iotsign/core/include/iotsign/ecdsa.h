/* The DER form of ECDSA signatures (RFC 3279 §2.2.3): SEQUENCE { INTEGER r, INTEGER s }.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_ECDSA_H
#define IOTSIGN_ECDSA_H

#include <stddef.h>
#include <stdint.h>

#include "iotsign/status.h"

/* Decode exactly `length` bytes into raw r‖s, each big-endian in `size` bytes (32 for P-256, 48 for P-384), ready for
 * the curve's verify function, which checks 0 < r, s < n. `rs` must hold 2 * size bytes, does not overlap `der`, and
 * its content is unspecified after an error.
 * IOTSIGN_ERROR_MALFORMED: anything that does not re-encode to itself (lengths that are not the shortest, redundant
 * zeros, trailing bytes), negative numbers, and r or s longer than `size` bytes. */
iotsign_status_t iotsign_ecdsa_der_decode(const uint8_t *der, size_t length, size_t size, uint8_t *rs);

#endif
