/* SPDX-License-Identifier: Apache-2.0 */
#include "iotsign/region.h"

iotsign_status_t iotsign_region_read(const iotsign_region_t *region, uint32_t offset, void *buffer, size_t length)
{
    if (length > region->size || offset > region->size - length) {
        return IOTSIGN_ERROR_MALFORMED;
    }
    return region->read(region->context, offset, buffer, length) == length ? IOTSIGN_OK : IOTSIGN_ERROR_READ;
}
