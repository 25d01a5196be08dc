/* Keys, messages and signatures of Ed25519 from arbitrary bytes: in parts or as a whole, the verdict is the same, and S plus
 * the group order is never accepted.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "iotsign/ed25519.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *key = data, *signature = data + 32;
    iotsign_ed25519_t context;
    iotsign_status_t whole, parts;
    size_t length, split;

    if (size < 97) {
        return 0;
    }
    split = data[96];
    data += 97;
    length = size - 97;
    split = split < length ? split : length;
    whole = iotsign_ed25519_verify(key, data, length, signature, 64);
    parts = iotsign_ed25519_init(&context, key, signature, 64);
    if (parts == IOTSIGN_OK) {
        iotsign_ed25519_update(&context, data, split);
        iotsign_ed25519_update(&context, data + split, length - split);
        parts = iotsign_ed25519_finish(&context);
    }
    if (whole != parts || (whole == IOTSIGN_OK && (signature[63] & 0xE0) != 0)) {
        abort();
    }
    return 0;
}
