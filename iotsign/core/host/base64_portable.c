/* The device's base64 under another name, for a CPU without a better path and for what a SIMD path leaves over.
 * SPDX-License-Identifier: Apache-2.0 */
#define iotsign_base64_groups_encode iotsign_base64_groups_encode_portable
#define iotsign_base64_groups_decode iotsign_base64_groups_decode_portable
#include "../src/base64_groups.c"
