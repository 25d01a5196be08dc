"""Public keys and certificates in files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from iotsign.algorithms import KeyType
from iotsign.errors import IotsignError, KeyRejectedError, KeyUnavailableError, UnsupportedAlgorithmError
from iotsign.keys import (
    Signer,
    certificate_key,
    certificate_pem,
    certify_self,
    load_certificate,
    load_certificates,
    load_public_key,
)
from iotsign.keys._loading import find_certificates

VECTORS = Path(cryptography_vectors.__file__).parent
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
WriteKey = Callable[..., Path]


@pytest.fixture
def certificates(signers: dict[KeyType, Signer]) -> dict[KeyType, x509.Certificate]:
    return {key_type: certify_self(signer, subject=None, days=1).certificate for key_type, signer in signers.items()}


@pytest.mark.parametrize("key_type", list(KeyType))
def test_every_form_of_a_public_key(
    signers: dict[KeyType, Signer],
    certificates: dict[KeyType, x509.Certificate],
    write_key: WriteKey,
    key_type: KeyType,
) -> None:
    key, certificate = signers[key_type].public_key, certificates[key_type]
    forms = [key.to_pem(), key.spki_der, certificate.public_bytes(PEM), certificate.public_bytes(DER)]
    if key.pkcs1_der is not None:
        loaded: Any = serialization.load_der_public_key(key.spki_der)
        forms += [key.pkcs1_der, loaded.public_bytes(PEM, serialization.PublicFormat.PKCS1)]
    for form in forms:
        assert load_public_key(write_key(form, mode=0o644)) == key
    assert load_public_key(write_key(b"an explanation\n" + key.to_pem() + b"\n")) == key
    assert load_public_key(write_key(key.to_pem().replace(b"\n", b"\r\n"))) == key
    assert certificate_key(certificate) == key


@pytest.mark.parametrize("encoding", [PEM, DER])
@pytest.mark.parametrize("protection", [serialization.NoEncryption(), serialization.BestAvailableEncryption(b"x")])
def test_a_private_key_is_not_for_verifying(
    key_pems: dict[KeyType, bytes], write_key: WriteKey, encoding: Any, protection: Any
) -> None:
    # threat 31
    key = serialization.load_pem_private_key(key_pems[KeyType.P256], None)
    path = write_key(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, protection))
    with pytest.raises(KeyRejectedError, match="private key; only the signer needs that") as caught:
        load_public_key(path)
    assert caught.value.code == "PrivateKeyGiven"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        # threat 20
        (b"", "KeyFileEmpty"),
        (b"nothing of the sort", "NotACertificate"),
        (b"-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n", "NotACertificate"),
        (b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "InvalidCertificate"),
        (b"-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n", "InvalidCertificate"),
        (b"-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", "InvalidPublicKey"),
        (b"-----BEGIN PUBLIC KEY-----\n????\n-----END PUBLIC KEY-----\n", "InvalidPublicKey"),
        (b"\x30\x00", "InvalidPublicKey"),
    ],
)
def test_what_is_no_public_key(write_key: WriteKey, content: bytes, code: str) -> None:
    path = write_key(content)
    with pytest.raises(KeyUnavailableError) as caught:
        load_public_key(path)
    assert caught.value.code == code
    assert str(path) in caught.value.message


def test_two_public_keys_are_ambiguous(signers: dict[KeyType, Signer], write_key: WriteKey) -> None:
    both = signers[KeyType.P256].public_key.to_pem() + signers[KeyType.P384].public_key.to_pem()
    with pytest.raises(KeyUnavailableError, match="got PUBLIC KEY, PUBLIC KEY"):
        load_public_key(write_key(both))


def test_a_bundle_keeps_its_order(certificates: dict[KeyType, x509.Certificate], write_key: WriteKey) -> None:
    path = write_key(b"".join(certificate_pem(certificate) for certificate in certificates.values()))
    assert load_certificates(path) == tuple(certificates.values())
    assert load_certificate(path) == certificates[KeyType.P256]
    assert load_public_key(path) == certificate_key(certificates[KeyType.P256])


def test_a_certificate_beside_its_key(
    certificates: dict[KeyType, x509.Certificate], key_pems: dict[KeyType, bytes], write_key: WriteKey
) -> None:
    path = write_key(key_pems[KeyType.P256] + certificate_pem(certificates[KeyType.P256]))
    with pytest.raises(KeyUnavailableError, match="certificates and nothing else, got PRIVATE KEY, CERTIFICATE"):
        load_certificate(path)
    assert find_certificates(path) == (certificates[KeyType.P256],)
    assert find_certificates(write_key(key_pems[KeyType.P256])) == ()


def test_the_key_of_a_certificate_is_checked() -> None:
    # threat 8
    for name, error in (
        ("custom/dsa_selfsigned_ca.pem", UnsupportedAlgorithmError),
        ("e-trust.ru.der", KeyRejectedError),
    ):
        content = (VECTORS / "x509" / name).read_bytes()
        load = x509.load_der_x509_certificate if name.endswith("der") else x509.load_pem_x509_certificate
        with pytest.raises(error):
            certificate_key(load(content))


@pytest.mark.parametrize("serial", ["0205ff34567890", "02050000000000"])
def test_a_serial_number_is_positive(mill: Any, write_key: WriteKey, serial: str) -> None:
    good = mill.make("signer", mill.root, serial=0x1234567890).certificate.public_bytes(DER)
    with pytest.raises(KeyUnavailableError, match=r"damaged|positive"):
        load_certificate(write_key(good.replace(bytes.fromhex("02051234567890"), bytes.fromhex(serial))))


@pytest.mark.parametrize(
    "path",
    sorted(path for path in (VECTORS / "x509").rglob("*") if path.suffix in (".pem", ".der", ".crt")),
    ids=lambda path: path.name,
)
def test_whatever_the_certificate_only_our_errors_leave(path: Path) -> None:
    for look in (load_certificates, load_public_key, find_certificates):
        try:
            look(path)
        except IotsignError as error:
            assert str(path) in error.message  # noqa: PT017
