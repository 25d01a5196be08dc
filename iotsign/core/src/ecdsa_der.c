/* SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/ecdsa.h"

#include "iotsign/der.h"
#include "memory.h"

iotsign_status_t iotsign_ecdsa_der_decode(const uint8_t *der, size_t length, size_t size, uint8_t *rs)
{
    iotsign_der_t reader;
    iotsign_der_t sequence;
    int half;

    reader.data = der;
    reader.length = length;
    if (iotsign_der_read(&reader, IOTSIGN_DER_SEQUENCE, &sequence) != IOTSIGN_OK || reader.length != 0u) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    memset(rs, 0, 2u * size);
    for (half = 0; half < 2; half++) {
        iotsign_der_t number;
        if (iotsign_der_read_unsigned(&sequence, &number) != IOTSIGN_OK || number.length > size) {
            return IOTSIGN_ERROR_MALFORMED;
        }
        rs += size;
        memcpy(rs - number.length, number.data, number.length);
    }
    return sequence.length == 0u ? IOTSIGN_OK : IOTSIGN_ERROR_MALFORMED;
}
