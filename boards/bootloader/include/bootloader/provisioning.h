/* The provisioning page: what a device is told once, before it leaves the factory.
 * SPDX-License-Identifier: Apache-2.0
 *
 * It lies in the first sector of the provisioning area, little-endian: u32 magic "ISP1" (0x31505349), u16 bytes of all
 * entries, u16 zero, the entries, SHA-256 of everything before. An entry is u16 type, u16 length, data. A page that is
 * not whole is no page: the device trusts nothing and starts nothing. */
#ifndef IOTSIGN_BOOTLOADER_PROVISIONING_H
#define IOTSIGN_BOOTLOADER_PROVISIONING_H

#include <stddef.h>
#include <stdint.h>

#define IOTSIGN_PROVISIONING_MAGIC 0x31505349u
#define IOTSIGN_PROVISIONING_MAX 1024u /* bytes of the whole page */

typedef enum {
    IOTSIGN_ENTRY_BOOT_KEY = 1,      /* SubjectPublicKeyInfo, DER: trusted to sign boot images */
    IOTSIGN_ENTRY_BOOT_KEY_HASH = 2, /* its SHA-256; the image must then carry the key */
    IOTSIGN_ENTRY_CODE_SIGNER = 3,   /* SubjectPublicKeyInfo, DER: trusted to sign updates (AWS detached signature) */
    IOTSIGN_ENTRY_DEVICE_ID = 4,     /* text, 1 to 64 bytes: this one device */
    IOTSIGN_ENTRY_ATTEST_KEY = 5     /* 32 bytes, secret: keys the HMAC-SHA-256 of an attestation */
} iotsign_entry_t;

/* A page in memory, checked by iotsign_provisioning_load. */
typedef struct {
    uint8_t bytes[IOTSIGN_PROVISIONING_MAX];
    uint16_t length; /* of the entries, bytes; 0 if there is no page */
} iotsign_provisioning_t;

/* Read and check the page. Returns 0; or a negative value, and the page then has no entries. */
int iotsign_provisioning_load(iotsign_provisioning_t *page);

/* Walk the entries of one type: *at is 0 at first. Returns the data and its length, or NULL when there is no more. */
const uint8_t *iotsign_provisioning_next(const iotsign_provisioning_t *page, iotsign_entry_t type, uint16_t *at,
                                         uint16_t *length);

#endif
