"""What key URIs name, described."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from iotsign.algorithms import KeyType
from iotsign.errors import CertificateError, KeyUnavailableError
from iotsign.keys import PublicKey, Signer, certificate_pem, certify_self, describe_certificate, describe_key

WriteKey = Callable[..., Path]
# published with MCUboot as root_pub_der of sim/mcuboot-sys/csupport/keys.c
MCUBOOT_P256 = bytes.fromhex(
    "3059301306072a8648ce3d020106082a8648ce3d030107034200042acb403ce8feed5ba44995a1a91daee8dbbe1937cd14fb2f245737e5953988"
    "d994b9d65aebd7cdd5308ad6fe48b24a6a810ee5f07d8b6834cc3a6afc538efac1"
)


@pytest.mark.parametrize("key_type", list(KeyType))
def test_the_three_kinds(
    signers: dict[KeyType, Signer], key_pems: dict[KeyType, bytes], write_key: WriteKey, key_type: KeyType
) -> None:
    signer = signers[key_type]
    certificate = certify_self(signer, subject=None, days=1).certificate
    contents = {
        "privateKey": key_pems[key_type],
        "publicKey": signer.public_key.to_pem(),
        "certificate": certificate_pem(certificate),
    }
    for kind, content in contents.items():
        details = describe_key(f"pem:{write_key(content, kind)}")
        assert (details.kind, details.public_key, details.weaknesses) == (kind, signer.public_key, ())
        assert details.certificates == ((certificate,) if kind == "certificate" else ())


def test_the_hash_that_mcuboot_knows_a_key_by(signers: dict[KeyType, Signer], write_key: WriteKey) -> None:
    def hash_of(key: PublicKey) -> bytes:
        return describe_key(f"pem:{write_key(key.to_pem())}").mcuboot_key_hash

    p384, rsa = signers[KeyType.P384].public_key, signers[KeyType.RSA2048].public_key
    assert hash_of(PublicKey(MCUBOOT_P256)) == hashlib.sha256(MCUBOOT_P256).digest()
    assert hash_of(p384) == hashlib.sha384(p384.spki_der).digest()
    assert rsa.pkcs1_der is not None
    assert hash_of(rsa) == hashlib.sha256(rsa.pkcs1_der).digest()


def test_a_known_test_key_is_described(write_key: WriteKey) -> None:
    # threat 8: named, not refused
    details = describe_key(f"pem:{write_key(PublicKey(MCUBOOT_P256).to_pem())}")
    assert [weakness.code for weakness in details.weaknesses] == ["PublicTestKey"]


def test_an_encrypted_key_asks(key_pems: dict[KeyType, bytes], write_key: WriteKey) -> None:
    encrypted = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n"
    with pytest.raises(KeyUnavailableError):
        describe_key(f"pem:{write_key(encrypted)}", passphrase=lambda: b"x")


def test_a_certificate_described(mill: Any) -> None:
    usage = mill.key_usage(digital_signature=True, content_commitment=True)
    purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING, ObjectIdentifier("1.2.3.4")])
    certificate = mill.make("signer", mill.root, [(usage, True), (purposes, False)], serial=77).certificate
    details = describe_certificate(certificate)
    assert (details.subject, details.issuer, details.serial_number) == ("CN=signer", "CN=root", 77)
    assert (details.not_before.year, details.not_after.year) == (2030, 2031)
    assert (details.ca, details.key_usage) == (False, ("digitalSignature", "nonRepudiation"))
    assert details.purposes == ("codeSigning", "1.2.3.4")
    assert details.sha256 == certificate.fingerprint(hashes.SHA256())
    root = describe_certificate(mill.root.certificate)
    assert (root.ca, root.key_usage, root.purposes) == (True, ("keyCertSign", "cRLSign"), ())
    bare = describe_certificate(mill.make("bare", mill.root, []).certificate)
    assert (bare.ca, bare.key_usage, bare.purposes) == (False, (), ())


def test_a_malformed_certificate(mill: Any) -> None:
    broken = (x509.UnrecognizedExtension(ObjectIdentifier("2.5.29.15"), b"\x05\x00"), False)
    with pytest.raises(CertificateError, match="well-formed extensions"):
        describe_certificate(mill.make("x", mill.root, [broken]).certificate)
