/* One verification by the core or by a peer, for core_cost.py to count the instructions of `job` under callgrind.
 * SPDX-License-Identifier: Apache-2.0
 *
 * usage: core_cost LIBRARY ALGORITHM FILE
 *
 * Libraries are iotsign, bearssl_i31, bearssl_i15, bearssl_m31 and mbedtls; algorithms p256, p384 and rsa3072. The file
 * holds four fields, each u16 length (big-endian) and bytes: point or modulus, digest, signature (DER for ECDSA), and
 * SubjectPublicKeyInfo. RSA signatures are PKCS#1 v1.5 with exponent 65537; hashes are SHA-256, SHA-384
 * for P-384. */
#include <bearssl.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/rsa.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iotsign/ecdsa.h"
#include "iotsign/hash.h"
#include "iotsign/p256.h"
#include "iotsign/p384.h"
#include "iotsign/rsa.h"
#include "iotsign/spki.h"

typedef struct {
    uint8_t bytes[1024];
    size_t length;
} field_t;

static field_t key, digest, signature, spki;
static unsigned char exponent[] = {1, 0, 1};
static int is_rsa, is_p384;

int job(const char *library);

static int job_iotsign(void)
{
    static iotsign_rsa_work_t work;
    uint8_t rs[IOTSIGN_P384_SIGNATURE_SIZE];
    iotsign_spki_t parsed;
    iotsign_rsa_key_t rsa;

    if (iotsign_spki_parse(spki.bytes, spki.length, &parsed) != IOTSIGN_OK) {
        return 0;
    }
    if (is_rsa) {
        return iotsign_rsa_key_parse(&rsa, parsed.key, parsed.length) == IOTSIGN_OK &&
               iotsign_rsa_pkcs1_verify(&rsa, &iotsign_sha256_class, digest.bytes, digest.length, signature.bytes,
                                        signature.length, &work) == IOTSIGN_OK;
    }
    if (iotsign_ecdsa_der_decode(signature.bytes, signature.length, is_p384 ? 48 : 32, rs) != IOTSIGN_OK) {
        return 0;
    }
    return (is_p384 ? iotsign_p384_verify_digest(parsed.key, digest.bytes, digest.length, rs)
                    : iotsign_p256_verify_digest(parsed.key, digest.bytes, digest.length, rs)) == IOTSIGN_OK;
}

static int job_bearssl(br_ecdsa_vrfy ecdsa, const br_ec_impl *curves, br_rsa_pkcs1_vrfy rsa)
{
    if (is_rsa) {
        static const unsigned char oid[] = {9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01};
        br_rsa_public_key public_key = {key.bytes, key.length, exponent, sizeof exponent};
        unsigned char found[32];
        return rsa(signature.bytes, signature.length, oid, sizeof found, &public_key, found) == 1 &&
               memcmp(found, digest.bytes, sizeof found) == 0;
    }
    br_ec_public_key public_key = {is_p384 ? BR_EC_secp384r1 : BR_EC_secp256r1, key.bytes, key.length};
    return ecdsa(curves, digest.bytes, digest.length, &public_key, signature.bytes, signature.length) == 1;
}

static int job_mbedtls(void)
{
    if (is_rsa) {
        mbedtls_rsa_context rsa;
        mbedtls_rsa_init(&rsa, MBEDTLS_RSA_PKCS_V15, MBEDTLS_MD_NONE);
        int failed = mbedtls_rsa_import_raw(&rsa, key.bytes, key.length, NULL, 0, NULL, 0, NULL, 0, exponent, sizeof exponent);
        failed |= mbedtls_rsa_complete(&rsa);
        failed |= mbedtls_rsa_pkcs1_verify(&rsa, NULL, NULL, MBEDTLS_RSA_PUBLIC, MBEDTLS_MD_SHA256, 32, digest.bytes,
                                           signature.bytes);
        mbedtls_rsa_free(&rsa);
        return failed == 0;
    }
    mbedtls_ecdsa_context ecdsa;
    mbedtls_ecdsa_init(&ecdsa);
    int failed = mbedtls_ecp_group_load(&ecdsa.grp, is_p384 ? MBEDTLS_ECP_DP_SECP384R1 : MBEDTLS_ECP_DP_SECP256R1);
    failed |= mbedtls_ecp_point_read_binary(&ecdsa.grp, &ecdsa.Q, key.bytes, key.length);
    failed |= mbedtls_ecp_check_pubkey(&ecdsa.grp, &ecdsa.Q);
    failed |= mbedtls_ecdsa_read_signature(&ecdsa, digest.bytes, digest.length, signature.bytes, signature.length);
    mbedtls_ecdsa_free(&ecdsa);
    return failed == 0;
}

int job(const char *library)
{
    if (strcmp(library, "iotsign") == 0) {
        return job_iotsign();
    }
    if (strcmp(library, "bearssl_i31") == 0) {
        return job_bearssl(br_ecdsa_i31_vrfy_asn1, &br_ec_prime_i31, br_rsa_i31_pkcs1_vrfy);
    }
    if (strcmp(library, "bearssl_i15") == 0) {
        return job_bearssl(br_ecdsa_i15_vrfy_asn1, &br_ec_prime_i15, br_rsa_i15_pkcs1_vrfy);
    }
    if (strcmp(library, "bearssl_m31") == 0) { /* its fastest code of 32-bit words: made for P-256 */
        return job_bearssl(br_ecdsa_i31_vrfy_asn1, &br_ec_all_m31, br_rsa_i31_pkcs1_vrfy);
    }
    return job_mbedtls();
}

static void read_field(FILE *file, field_t *field)
{
    uint8_t length[2];

    if (fread(length, 1, 2, file) != 2) {
        exit(2);
    }
    field->length = (size_t)length[0] << 8 | length[1];
    if (field->length > sizeof field->bytes || fread(field->bytes, 1, field->length, file) != field->length) {
        exit(2);
    }
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        return 2;
    }
    FILE *file = fopen(argv[3], "rb");
    if (file == NULL) {
        return 2;
    }
    read_field(file, &key);
    read_field(file, &digest);
    read_field(file, &signature);
    read_field(file, &spki);
    fclose(file);
    is_rsa = strcmp(argv[2], "rsa3072") == 0;
    is_p384 = strcmp(argv[2], "p384") == 0;
    return job(argv[1]) ? 0 : 1;
}
