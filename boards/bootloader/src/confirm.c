/* Confirmation of the running image; applications link this file and trailer.c, nothing else of the boot loader.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bootloader/boot.h"
#include "trailer.h"

int iotsign_boot_confirm(void)
{
    const iotsign_area_t *primary = &iotsign_board_layout.primary;
    iotsign_trailer_t trailer;
    int status = iotsign_trailer_read(primary, &trailer);
    if (status != 0 || !trailer.magic_good || trailer.image_ok) {
        return status; /* without a trailer the image is not on trial */
    }
    return iotsign_trailer_set_image_ok(primary);
}
