/* SMP group 0: is anybody there, who is it, start again.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Source: Zephyr, doc/services/device_mgmt/smp_groups/smp_group_0.rst. */
#include <string.h>

#include "bootloader/board.h"
#include "smp_server.h"

#define ECHO 0u
#define RESET 5u
#define PARAMETERS 6u
#define BOOTLOADER_INFO 8u
#define BOOT_MODE_BOOTLOADER 1u
#define MODE_SWAP_USING_SCRATCH 1u

static iotsign_smp_error_t reset(const iotsign_smp_request_t *request, iotsign_cbor_t *reply)
{
    uint32_t mode = request->fields.value[IOTSIGN_KEY_BOOT_MODE];
    if (mode > BOOT_MODE_BOOTLOADER) {
        return IOTSIGN_SMP_NOT_SUPPORTED;
    }
    if (mode == BOOT_MODE_BOOTLOADER) {
        iotsign_board_request_recovery();
    }
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 0);
    iotsign_smp_reset_when_answered();
    return IOTSIGN_SMP_OK;
}

static iotsign_smp_error_t bootloader_info(const iotsign_smp_request_t *request, iotsign_cbor_t *reply)
{
    if (!iotsign_smp_has(request, IOTSIGN_KEY_QUERY)) {
        iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 1);
        iotsign_cbor_put_text(reply, "bootloader");
        iotsign_cbor_put_text(reply, "iotsign");
        return IOTSIGN_SMP_OK;
    }
    if (request->fields.value[IOTSIGN_KEY_QUERY] != 4u ||
        memcmp(request->fields.data[IOTSIGN_KEY_QUERY], "mode", 4) != 0) {
        return IOTSIGN_OS_NO_ANSWER;
    }
    iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 2);
    iotsign_cbor_put_uint(reply, "mode", MODE_SWAP_USING_SCRATCH);
    iotsign_cbor_put_bool(reply, "no-downgrade", 1);
    return IOTSIGN_SMP_OK;
}

iotsign_smp_error_t iotsign_smp_os(const iotsign_smp_request_t *request, iotsign_cbor_t *reply)
{
    const iotsign_smp_fields_t *fields = &request->fields;
    if (request->id == ECHO) {
        if (!iotsign_smp_has(request, IOTSIGN_KEY_D)) {
            return IOTSIGN_SMP_INVALID;
        }
        iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 1);
        iotsign_cbor_put_text(reply, "r");
        iotsign_cbor_put_string(reply, fields->data[IOTSIGN_KEY_D], fields->value[IOTSIGN_KEY_D]);
        return IOTSIGN_SMP_OK;
    }
    if (request->id == RESET && request->op == IOTSIGN_SMP_WRITE) {
        return reset(request, reply);
    }
    if (request->id == PARAMETERS && request->op == IOTSIGN_SMP_READ) {
        iotsign_cbor_put_head(reply, IOTSIGN_CBOR_MAP, 2);
        iotsign_cbor_put_uint(reply, "buf_size", IOTSIGN_SMP_BUFFER_SIZE);
        iotsign_cbor_put_uint(reply, "buf_count", 1);
        return IOTSIGN_SMP_OK;
    }
    if (request->id == BOOTLOADER_INFO && request->op == IOTSIGN_SMP_READ) {
        return bootloader_info(request, reply);
    }
    return IOTSIGN_SMP_NOT_SUPPORTED;
}
