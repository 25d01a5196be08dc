/* RSA public keys from arbitrary bytes, in either of their two forms.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "iotsign/rsa.h"
#include "iotsign/spki.h"

static void require(int holds)
{
    if (!holds) {
        abort();
    }
}

/* What has been accepted re-encodes to itself: the exponent and the modulus stand where their only encoding puts them. */
static void check_key(const iotsign_rsa_key_t *key, const uint8_t *der, size_t length)
{
    size_t exponent_length = key->exponent > 0xFFFFFFu ? 4 : key->exponent > 0xFFFFu ? 3 : key->exponent > 0xFFu ? 2 : 1;
    const uint8_t *exponent;

    exponent_length += key->exponent >> (8 * exponent_length - 1) & 1u;
    require(key->size == 256 || key->size == 384 || key->size == 512);
    require(key->modulus[0] >= 0x80 && (key->modulus[key->size - 1] & 1) != 0);
    require(key->exponent >= 3 && (key->exponent & 1) != 0);
    require(key->modulus == der + 9 && key->modulus[-1] == 0);
    exponent = key->modulus + key->size;
    require(exponent[0] == 2 && exponent[1] == exponent_length);
    require(exponent + 2 + exponent_length == der + length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    iotsign_status_t status;
    iotsign_rsa_key_t key;
    iotsign_spki_t spki;

    if (iotsign_spki_parse(data, size, &spki) == IOTSIGN_OK) {
        data = spki.key;
        size = spki.length;
    }
    status = iotsign_rsa_key_parse(&key, data, size);
    if (status == IOTSIGN_OK) {
        check_key(&key, data, size);
    } else {
        require(status == IOTSIGN_ERROR_MALFORMED || status == IOTSIGN_ERROR_KEY);
    }
    return 0;
}
