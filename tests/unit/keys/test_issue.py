"""Issued certificates say what they must, whoever signs them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from iotsign.algorithms import KeyType
from iotsign.errors import CertificateError, ConfigError
from iotsign.keys import Signer, certificate_key, check_signing_certificate, verify_chain
from iotsign.keys._issue import Authority, Role, default_subject, issue_certificate, parse_subject

NOW = datetime(2030, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
NAME = x509.Name.from_rfc4514_string("CN=Release,O=Example")


@pytest.mark.parametrize("key_type", list(KeyType))
def test_a_self_signed_certificate(signers: dict[KeyType, Signer], key_type: KeyType) -> None:
    signer = signers[key_type]
    certificate = issue_certificate(signer.public_key, NAME, signer, days=30, now=NOW)
    certificate.verify_directly_issued_by(certificate)
    assert certificate_key(certificate) == signer.public_key
    assert check_signing_certificate(certificate, at=NOW) == signer.public_key
    assert certificate.not_valid_before_utc == NOW.replace(microsecond=0)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=30)
    assert certificate.serial_number.bit_length() > 64
    by_oid = {extension.oid: extension for extension in certificate.extensions}
    constraints = by_oid[x509.BasicConstraints.oid]
    assert (constraints.critical, constraints.value) == (True, x509.BasicConstraints(ca=False, path_length=None))
    assert by_oid[x509.KeyUsage.oid].critical
    assert by_oid[x509.KeyUsage.oid].value.digital_signature
    assert by_oid[x509.ExtendedKeyUsage.oid].value == x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
    identifier = by_oid[x509.SubjectKeyIdentifier.oid].value.digest
    assert by_oid[x509.AuthorityKeyIdentifier.oid].value.key_identifier == identifier
    assert len(by_oid) == 5


@pytest.mark.parametrize("ca_type", list(KeyType))
def test_a_chain_of_every_type(signers: dict[KeyType, Signer], ca_type: KeyType) -> None:
    ca_signer, subject_key = signers[ca_type], signers[KeyType.P256].public_key
    root = issue_certificate(ca_signer.public_key, NAME, ca_signer, role=Role.ROOT, days=900, now=NOW)
    name = parse_subject("CN=Intermediate")
    authority = Authority(ca_signer, root)
    ca = issue_certificate(ca_signer.public_key, name, authority, role=Role.INTERMEDIATE, days=900, now=NOW)
    leaf = issue_certificate(subject_key, parse_subject("CN=x"), Authority(ca_signer, ca), days=900, now=NOW)
    assert verify_chain(leaf, roots=[root], intermediates=[ca], at=NOW).certificates == (leaf, ca, root)
    # the intermediate CA may not make another
    below = signers[KeyType.P384 if ca_type is KeyType.P256 else KeyType.P256]
    authority, name = Authority(ca_signer, ca), parse_subject("CN=Lower")
    lower = issue_certificate(below.public_key, name, authority, role=Role.INTERMEDIATE, days=900, now=NOW)
    too_low = issue_certificate(subject_key, NAME, Authority(below, lower), days=900, now=NOW)
    with pytest.raises(CertificateError) as caught:
        verify_chain(too_low, roots=[root], intermediates=[ca, lower], at=NOW)
    assert caught.value.code == "PathTooLong"


def test_an_issuer_without_key_identifier(signers: dict[KeyType, Signer], mill: Any) -> None:
    signer = signers[KeyType.P256]
    ca = mill.make("ca", None, mill.CA).certificate
    issued = issue_certificate(signer.public_key, NAME, Authority(signer, ca), days=30, now=NOW)
    expected = x509.SubjectKeyIdentifier.from_public_key(issued.public_key())
    identifier = issued.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert identifier.key_identifier == expected.digest


@pytest.mark.parametrize("days", [-1, 0, 365 * 50 + 1, 10**9])
def test_days_out_of_range(signers: dict[KeyType, Signer], days: int) -> None:
    signer = signers[KeyType.P256]
    with pytest.raises(ConfigError, match=f"got {days}$"):
        issue_certificate(signer.public_key, NAME, signer, days=days)


def test_nothing_outlives_its_issuer(signers: dict[KeyType, Signer]) -> None:
    signer = signers[KeyType.P256]
    root = issue_certificate(signer.public_key, NAME, signer, role=Role.ROOT, days=30, now=NOW)
    authority = Authority(signer, root)
    issue_certificate(signer.public_key, NAME, authority, days=30, now=NOW)
    with pytest.raises(ConfigError, match="ends by 2030-07-01, when its issuer's does"):
        issue_certificate(signer.public_key, NAME, authority, days=31, now=NOW)


@pytest.mark.parametrize("subject", ["CN=Release signing", "CN=a,O=b,C=AT", "CN=Größe", "CN=../../etc/passwd", "O=x"])
def test_subjects(subject: str) -> None:
    # threat 24: a name that looks like a path is only a name
    assert parse_subject(subject).rfc4514_string() == subject


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "Release",
        "CN",
        "CN=",
        "/CN=Release",
        "C=Austria",
        "X=y",
        "CN=a\nb",
        "CN=a\x1b[2J",
        "CN=\\00",
        f"CN={'a' * 65}",
    ],
)
def test_what_is_no_subject(subject: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_subject(subject)
    assert caught.value.code == "InvalidSubject"


def test_a_default_subject_names_role_and_key(signers: dict[KeyType, Signer]) -> None:
    key = signers[KeyType.P256].public_key
    assert default_subject("signer", key).rfc4514_string() == f"CN=iotsign signer {key.fingerprint.hex()[:16]}"
