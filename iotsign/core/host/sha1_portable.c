/* The device's SHA-1 compression under another name, for a CPU without a better path.
 * SPDX-License-Identifier: Apache-2.0 */
#define iotsign_sha1_compress iotsign_sha1_compress_portable
#include "../src/sha1_compress.c"
