/* RSA signatures from arbitrary bytes, by keys of arbitrary numbers: none is accepted, and what comes out is below the modulus.
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "iotsign/rsa.h"

static void require(int holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t sizes[4] = {256, 384, 512, 255};
    static const uint32_t exponents[4] = {3, 65537, 0xFFFFFFFF, 2};
    static iotsign_rsa_work_t work;
    const iotsign_rsa_pss_t pss = {&iotsign_sha256_class, NULL, 32};
    uint8_t digest[32] = {0}, modulus[512], *encoded;
    iotsign_rsa_key_t key = {modulus, 0, 0};

    if (size < 1) {
        return 0;
    }
    key.size = sizes[data[0] & 3u];
    key.exponent = exponents[data[0] >> 2 & 3u];
    data++;
    size--;
    memset(modulus, 0xC5, sizeof modulus);
    memcpy(modulus, data, size < key.size ? size : key.size);
    data += size < key.size ? size : key.size;
    size -= size < key.size ? size : key.size;
    require(iotsign_rsa_pkcs1_verify(&key, &iotsign_sha256_class, digest, sizeof digest, data, size, &work) != IOTSIGN_OK);
    require(iotsign_rsa_pss_verify(&key, &pss, digest, sizeof digest, data, size, &work) != IOTSIGN_OK);
    if (iotsign_rsa_recover(&key, data, size, &work, &encoded) == IOTSIGN_OK) {
        require(memcmp(encoded, modulus, key.size) < 0);
    }
    return 0;
}
