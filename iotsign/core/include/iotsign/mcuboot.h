/* MCUboot images: parsed and verified straight from flash, through a read function.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A firmware names what it trusts and what it can verify:
 *
 *     static const iotsign_verifier_t verifiers[] = {IOTSIGN_VERIFIER_P256(iotsign_sha256_class)};
 *     static const iotsign_trust_anchor_t anchors[] = {{IOTSIGN_ANCHOR_KEY, spki_der, sizeof spki_der}};
 *     static const iotsign_mcuboot_policy_t policy = {verifiers, 1, anchors, 1, 0};
 *
 * Source: MCUboot bootutil/image.h (struct image_header, image_tlv_info, image_tlv, IMAGE_TLV_*), all little-endian. */
#ifndef IOTSIGN_MCUBOOT_H
#define IOTSIGN_MCUBOOT_H

#include <stddef.h>
#include <stdint.h>

#include "iotsign/region.h"
#include "iotsign/verifier.h"

/* Flags of an image that say how it is to be treated. */
#define IOTSIGN_MCUBOOT_ENCRYPTED_AES128 0x04u
#define IOTSIGN_MCUBOOT_ENCRYPTED_AES256 0x08u
#define IOTSIGN_MCUBOOT_NON_BOOTABLE 0x10u
#define IOTSIGN_MCUBOOT_RAM_LOAD 0x20u /* to load_address */
#define IOTSIGN_MCUBOOT_ROM_FIXED 0x100u
#define IOTSIGN_MCUBOOT_COMPRESSED_LZMA1 0x200u
#define IOTSIGN_MCUBOOT_COMPRESSED_LZMA2 0x400u
#define IOTSIGN_MCUBOOT_COMPRESSED_ARM_THUMB 0x800u

typedef enum {
    IOTSIGN_ANCHOR_KEY = 1, /* data: SubjectPublicKeyInfo in DER */
    IOTSIGN_ANCHOR_HASH     /* data: the image hash function over the key as the image embeds it: RSAPublicKey in DER for RSA,
                               SubjectPublicKeyInfo for the others. The image must embed its key. */
} iotsign_anchor_kind_t;

typedef struct {
    iotsign_anchor_kind_t kind;
    const uint8_t *data;
    size_t length;
} iotsign_trust_anchor_t;

typedef struct {
    const iotsign_verifier_t *verifiers; /* one for each combination of key kind and image hash */
    size_t verifier_count;
    const iotsign_trust_anchor_t *anchors;
    size_t anchor_count;
    uint32_t accepted_flags; /* of those above, the ones that the caller acts upon; an image with another is refused.
                                With one of the ENCRYPTED flags, read returns the payload decrypted. */
} iotsign_mcuboot_policy_t;

typedef struct {
    uint8_t major;
    uint8_t minor;
    uint16_t revision;
    uint32_t build;
} iotsign_mcuboot_version_t;

typedef struct {
    uint8_t image; /* the number of the image that this one needs */
    iotsign_mcuboot_version_t version; /* and its least version */
} iotsign_mcuboot_dependency_t;

#ifndef IOTSIGN_MCUBOOT_MAX_DEPENDENCIES
#define IOTSIGN_MCUBOOT_MAX_DEPENDENCIES 4
#endif

typedef struct {
    uint32_t load_address;
    uint32_t header_size;
    uint32_t payload_size;
    uint32_t flags;
    iotsign_mcuboot_version_t version;
    uint32_t signed_size; /* header, payload and protected TLVs */
    uint32_t size;        /* all of it, to the end of the TLVs */
    uint32_t security_counter; /* 0 without one */
    uint8_t has_security_counter;
    uint8_t dependency_count;
    uint8_t digest_size;
    uint8_t digest[IOTSIGN_HASH_MAX_SIZE]; /* of the signed bytes */
    iotsign_mcuboot_dependency_t dependencies[IOTSIGN_MCUBOOT_MAX_DEPENDENCIES];
} iotsign_mcuboot_image_t;

/* Enough for a signature and, where the image embeds it, the key. */
#define IOTSIGN_MCUBOOT_BUFFER_SIZE 864u

/* Verify the image at the start of a region. Every value in *image comes from the bytes that were hashed and verified; after an
 * error it is all zeros. The caller still owes: whether the security counter and version are not below what it has seen,
 * whether the dependencies are there, and, where flash may change, to run what it has verified.
 *
 * Each signature that names a trusted key must be right, and there must be at least one. Security counter and dependencies
 * count only from the protected TLVs; what the boot loader does not expect among the unprotected ones is refused.
 *
 * Reads the signed bytes once, and once more for each Ed25519 signature over the image itself (SIG_PURE); the TLVs a few
 * times. scratch->buffer must hold the signature, and with it the key if that is only in the image.
 * IOTSIGN_ERROR_SPACE:       buffer, work space or the room for dependencies is too small.
 * IOTSIGN_ERROR_MALFORMED:   not an image, or sizes and TLVs that contradict each other or the region.
 * IOTSIGN_ERROR_UNSUPPORTED: a flag that the policy does not accept, or a hash, key or signature without a verifier.
 * IOTSIGN_ERROR_READ:        the region's read function failed.
 * IOTSIGN_ERROR_DIGEST:      the image's digest is not that of its bytes.
 * IOTSIGN_ERROR_UNSIGNED:    there is no signature.
 * IOTSIGN_ERROR_UNTRUSTED:   there are signatures, by none of the trusted keys.
 * IOTSIGN_ERROR_KEY:         a trusted key that is not acceptable, or not of the kind that the signature says.
 * IOTSIGN_ERROR_SIGNATURE:   a signature that names a trusted key is wrong. */
iotsign_status_t iotsign_mcuboot_verify(const iotsign_region_t *region, const iotsign_mcuboot_policy_t *policy,
                                        const iotsign_scratch_t *scratch, iotsign_mcuboot_image_t *image);

#endif
