/* The device's SHA-512 compression under another name, for a CPU without a better path.
 * SPDX-License-Identifier: Apache-2.0 */
#define iotsign_sha512_compress iotsign_sha512_compress_portable
#include "../src/sha512_compress.c"
