/* A verdict on request, so that the same vectors run through the core on a host, under qemu-user and on a board.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A request is 4 bytes (scheme, hash, MGF1 hash, salt length) and three fields (key in SubjectPublicKeyInfo, message or digest,
 * signature), each of them u16 big-endian length and bytes. A hash is named by its digest size. The answer is one byte, the
 * iotsign_status_t. On a line, each request has its u16 big-endian length in front. */
#ifndef IOTSIGN_JUDGE_H
#define IOTSIGN_JUDGE_H

#include <stddef.h>
#include <stdint.h>

#include "iotsign/status.h"

#define JUDGE_ECDSA_DER 'D'
#define JUDGE_ECDSA_RAW 'R'
#define JUDGE_POINT 'V' /* validate the key alone, a raw point */
#define JUDGE_PKCS1 'P'
#define JUDGE_PSS 'S'
#define JUDGE_ED25519 'E'
#define JUDGE_DIGEST 0x80u /* added to a scheme: the second field is the digest */

/* IOTSIGN_ERROR_ARGUMENT also for a request that is not of this form. */
iotsign_status_t judge(const uint8_t *request, size_t length);

#endif
