/* The link unit behind base64: src/base64_groups.c on a device, a dispatcher over SIMD paths on a host.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_BASE64_GROUPS_H
#define IOTSIGN_BASE64_GROUPS_H

#include <stddef.h>
#include <stdint.h>

/* Encodes count groups of 3 bytes into count groups of 4 characters. */
void iotsign_base64_groups_encode(const uint8_t *data, size_t count, uint8_t *text);

/* Decodes count groups of 4 characters, none of them padding, into count groups of 3 bytes. Returns the number of
 * groups before the first that holds a character outside the alphabet: count if there is none. Writes no more than
 * 3 * count bytes. */
size_t iotsign_base64_groups_decode(const uint8_t *text, size_t count, uint8_t *data);

#endif
