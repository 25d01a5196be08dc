/* What the parts of the SMP server know of each other.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef IOTSIGN_BOOTLOADER_SMP_SERVER_H
#define IOTSIGN_BOOTLOADER_SMP_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "bootloader/flash.h"
#include "smp_cbor.h"

/* Bytes of the largest frame: length, SMP header, CBOR and checksum. A request and its answer share it. */
#ifndef IOTSIGN_SMP_BUFFER_SIZE
#define IOTSIGN_SMP_BUFFER_SIZE 1024u
#endif

typedef enum { IOTSIGN_SMP_READ = 0, IOTSIGN_SMP_WRITE = 2 } iotsign_smp_op_t;

typedef enum { IOTSIGN_SMP_OS = 0, IOTSIGN_SMP_IMAGE = 1, IOTSIGN_SMP_VENDOR = 64 } iotsign_smp_group_t;

typedef struct {
    uint8_t op; /* iotsign_smp_op_t */
    uint8_t id;
    iotsign_smp_fields_t fields;
} iotsign_smp_request_t;

/* An answer that is an error: what an SMP version 1 client is told (mcumgr's general code) in the upper byte, the group's
 * own code in the lower; without one every client is told the general code.
 * Source: Zephyr, mgmt/mcumgr/mgmt/mgmt_defines.h, grp/os_mgmt/os_mgmt.h, grp/img_mgmt/img_mgmt.h. */
#define IOTSIGN_SMP_ERROR(general, group) ((general) << 8 | (group))
typedef enum {
    IOTSIGN_SMP_OK = 0,
    IOTSIGN_SMP_INVALID = IOTSIGN_SMP_ERROR(3, 0),
    IOTSIGN_SMP_TOO_LARGE = IOTSIGN_SMP_ERROR(7, 0),
    IOTSIGN_SMP_NOT_SUPPORTED = IOTSIGN_SMP_ERROR(8, 0),
    IOTSIGN_SMP_ACCESS_DENIED = IOTSIGN_SMP_ERROR(11, 0),
    IOTSIGN_SMP_TOO_NEW = IOTSIGN_SMP_ERROR(13, 0),

    IOTSIGN_OS_NO_ANSWER = IOTSIGN_SMP_ERROR(8, 3),

    IOTSIGN_IMAGE_NO_IMAGE = IOTSIGN_SMP_ERROR(5, 3),
    IOTSIGN_IMAGE_HASH_NOT_FOUND = IOTSIGN_SMP_ERROR(5, 8),
    IOTSIGN_IMAGE_NO_FREE_SLOT = IOTSIGN_SMP_ERROR(6, 9),
    IOTSIGN_IMAGE_READ_FAILED = IOTSIGN_SMP_ERROR(1, 11),
    IOTSIGN_IMAGE_WRITE_FAILED = IOTSIGN_SMP_ERROR(1, 12),
    IOTSIGN_IMAGE_ERASE_FAILED = IOTSIGN_SMP_ERROR(1, 13),
    IOTSIGN_IMAGE_INVALID_SLOT = IOTSIGN_SMP_ERROR(3, 14),
    IOTSIGN_IMAGE_INVALID_OFFSET = IOTSIGN_SMP_ERROR(3, 20),
    IOTSIGN_IMAGE_INVALID_LENGTH = IOTSIGN_SMP_ERROR(3, 21),
    IOTSIGN_IMAGE_INVALID_HEADER = IOTSIGN_SMP_ERROR(3, 22),
    IOTSIGN_IMAGE_INVALID_MAGIC = IOTSIGN_SMP_ERROR(3, 23),
    IOTSIGN_IMAGE_INVALID_HASH = IOTSIGN_SMP_ERROR(3, 24),
    IOTSIGN_IMAGE_CURRENT_IS_NEWER = IOTSIGN_SMP_ERROR(6, 27),
    IOTSIGN_IMAGE_ALREADY_PENDING = IOTSIGN_SMP_ERROR(6, 28),
    IOTSIGN_IMAGE_TOO_LARGE = IOTSIGN_SMP_ERROR(2, 30),
    IOTSIGN_IMAGE_OVERRUN = IOTSIGN_SMP_ERROR(3, 31),
    IOTSIGN_IMAGE_DENIED = IOTSIGN_SMP_ERROR(9, 32),
    IOTSIGN_IMAGE_IS_ACTIVE = IOTSIGN_SMP_ERROR(6, 33),

    IOTSIGN_VENDOR_FLASH = IOTSIGN_SMP_ERROR(1, 1),
    IOTSIGN_VENDOR_REGION = IOTSIGN_SMP_ERROR(3, 2),      /* not in a slot, or of a size that is not answered */
    IOTSIGN_VENDOR_ALGORITHM = IOTSIGN_SMP_ERROR(8, 3),
    IOTSIGN_VENDOR_NO_SIGNER = IOTSIGN_SMP_ERROR(5, 4),   /* no code-signer key is provisioned */
    IOTSIGN_VENDOR_LENGTH = IOTSIGN_SMP_ERROR(3, 5),      /* not what was received, or less than the image */
    IOTSIGN_VENDOR_SIGNATURE = IOTSIGN_SMP_ERROR(9, 6),   /* by none of the code-signer keys over these bytes */
    IOTSIGN_VENDOR_NONCE = IOTSIGN_SMP_ERROR(3, 7)        /* missing, or not of 16 to 64 bytes */
} iotsign_smp_error_t;

/* 1 if the request holds the key. */
int iotsign_smp_has(const iotsign_smp_request_t *request, iotsign_smp_key_t key);

/* Serve one request of a group: write the body of the answer, or return an error. What a request points to is gone as soon
 * as something is written. */
iotsign_smp_error_t iotsign_smp_os(const iotsign_smp_request_t *request, iotsign_cbor_t *reply);
iotsign_smp_error_t iotsign_smp_image(const iotsign_smp_request_t *request, iotsign_cbor_t *reply);
iotsign_smp_error_t iotsign_smp_vendor(const iotsign_smp_request_t *request, iotsign_cbor_t *reply);

/* Reset the board once the answer to the present request has left. */
void iotsign_smp_reset_when_answered(void);

/* Take one byte from the line; a complete request is answered with iotsign_board_write. */
void iotsign_smp_receive(uint8_t byte);
/* Forget the line and the upload; the next byte continues a line that has begun with 06 09. */
void iotsign_smp_start(void);

/* The frame buffer, aligned for flash writes; the data of an upload is moved to its start. */
uint8_t *iotsign_smp_buffer(void);

/* What a slot's headers say; nothing is verified. */
typedef struct {
    uint32_t size; /* bytes of the image; 0: no image */
    uint32_t flags;
    uint8_t version[8]; /* major, minor, u16 revision, u32 build, little-endian */
    uint8_t hash[32];
    uint8_t has_hash;
} iotsign_smp_slot_t;

/* slot is 0 or 1. */
const iotsign_area_t *iotsign_smp_area(uint32_t slot);
int iotsign_smp_read_slot(uint32_t slot, iotsign_smp_slot_t *found);
void iotsign_smp_put_version(iotsign_cbor_t *reply, const uint8_t version[8]);

/* SHA-256 of flash. Returns 0, or a negative value if a read failed. */
int iotsign_smp_hash(uint32_t offset, uint32_t length, uint8_t digest[32]);

/* Bytes of the last complete upload, 0 if there is none or the slot has been changed since. */
uint32_t iotsign_smp_received(void);
/* Forget the upload, and with it what was approved. */
void iotsign_smp_forget_upload(void);
/* Remember that a code signer's signature over the received bytes was right, until the slot changes. */
void iotsign_smp_approve(uint32_t verdict);

#endif
