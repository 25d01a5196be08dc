/* The device's SHA-256 compression under other names, for a CPU without a better path.
 * SPDX-License-Identifier: Apache-2.0 */
#define iotsign_sha256_compress iotsign_sha256_compress_portable
#define iotsign_sha256_compress_twice iotsign_sha256_compress_twice_portable
#include "../src/sha256_compress.c"
