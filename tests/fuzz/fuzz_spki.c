/* Public keys from arbitrary bytes: what is parsed is one of four known beginnings and a key of its length.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "iotsign/p256.h"
#include "iotsign/p384.h"
#include "iotsign/spki.h"

static void require(int holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char p256[] = "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00\x04";
    static const char p384[] = "\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00\x04";
    static const char ed25519[] = "\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
    iotsign_spki_t spki = {IOTSIGN_KEY_RSA, NULL, 0};

    if (iotsign_spki_parse(data, size, &spki) != IOTSIGN_OK) {
        require(spki.key == NULL);
        return 0;
    }
    require(spki.key + spki.length == data + size);
    switch (spki.kind) {
    case IOTSIGN_KEY_P256:
        require(spki.length == 65 && size == 91 && memcmp(data, p256, sizeof p256 - 1) == 0);
        (void)iotsign_p256_validate_key(spki.key);
        break;
    case IOTSIGN_KEY_P384:
        require(spki.length == 97 && size == 120 && memcmp(data, p384, sizeof p384 - 1) == 0);
        (void)iotsign_p384_validate_key(spki.key);
        break;
    case IOTSIGN_KEY_ED25519:
        require(spki.length == 32 && size == 44 && memcmp(data, ed25519, sizeof ed25519 - 1) == 0);
        break;
    case IOTSIGN_KEY_RSA:
        break;
    default:
        abort();
    }
    return 0;
}
