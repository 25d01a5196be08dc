/* ECDSA verification of arbitrary digests and signatures by arbitrary keys: the limbs of microcontrollers come to the
 * verdict of this machine's, (r, s) and (r, n - s) always share theirs, and a key that is not on the curve verifies nothing.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "iotsign/p256.h"
#include "iotsign/p384.h"

typedef iotsign_status_t verify_t(const uint8_t *key, const uint8_t *digest, size_t length, const uint8_t *rs);

/* the same sources with IOTSIGN_PORTABLE (run_libfuzzer.py) */
verify_t portable_p256_verify_digest, portable_p384_verify_digest;

typedef struct {
    size_t size;
    iotsign_status_t (*validate)(const uint8_t *key);
    verify_t *verify, *verify_portable;
    const char *order;
} curve_t;

static const curve_t curves[2] = {
    {32, iotsign_p256_validate_key, iotsign_p256_verify_digest, portable_p256_verify_digest,
     "\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25"
     "\x51"},
    {48, iotsign_p384_validate_key, iotsign_p384_verify_digest, portable_p384_verify_digest,
     "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xc7\x63\x4d\x81\xf4\x37\x2d"
     "\xdf\x58\x1a\x0d\xb2\x48\xb0\xa7\x7a\xec\xec\x19\x6a\xcc\xc5\x29\x73"},
};

static void require(int holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const curve_t *curve;
    uint8_t input[97 + 96 + 64] = {0}, *key = input, *rs, *digest;
    uint8_t twin[96];
    int borrow = 0;

    if (size < 1) {
        return 0;
    }
    curve = &curves[data[0] & 1u];
    memcpy(input, data + 1, size - 1 < sizeof input ? size - 1 : sizeof input);
    rs = key + 1 + 2 * curve->size;
    digest = rs + 2 * curve->size;

    iotsign_status_t status = curve->verify(key, digest, 32, rs);
    require(curve->verify_portable(key, digest, 32, rs) == status);
    if (curve->validate(key) != IOTSIGN_OK) {
        require(status == IOTSIGN_ERROR_KEY);
        return 0;
    }
    require(status == IOTSIGN_OK || status == IOTSIGN_ERROR_SIGNATURE || status == IOTSIGN_ERROR_MALFORMED);
    memcpy(twin, rs, 2 * curve->size);
    for (size_t left = curve->size; left != 0; left--) {
        const size_t i = left - 1;
        int digit = (uint8_t)curve->order[i] - rs[curve->size + i] - borrow;
        borrow = digit < 0;
        twin[curve->size + i] = (uint8_t)((unsigned)digit & 0xFFu);
    }
    if (!borrow) { /* else s was above n */
        require(curve->verify(key, digest, 32, twin) == status);
    }
    return 0;
}
