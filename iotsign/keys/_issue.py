"""Certificates: self-signed ones, and chains from a root to a signer.

Source: RFC 5280 §4.1 and §4.2; AWS Signer asks of a signing certificate key usage digitalSignature and extended key
usage codeSigning.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Final, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from iotsign.algorithms import (
    EncryptionAlgorithm,
    HashAlgorithm,
    KeyType,
    SignatureAlgorithm,
    choose_signature_algorithm,
)
from iotsign.errors import ConfigError
from iotsign.keys._chain import find_extension
from iotsign.keys._private import OpensslPrivateKey
from iotsign.keys._public import OPENSSL_HASHES, PublicKey
from iotsign.keys._signer import Signer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

_LONGEST_DAYS: Final = 365 * 50
_SEQUENCE: Final = 0x30
_BIT_STRING: Final = 0x03


class Role(Enum):
    """What a certificate is for; the value is its path length constraint, None for a signer's."""

    ROOT = 1
    INTERMEDIATE = 0
    SIGNER = None


@dataclass(frozen=True, slots=True)
class Authority:
    """Who issues.

    Attributes:
        signer: The CA's private key.
        certificate: The CA's certificate.
    """

    signer: Signer
    certificate: x509.Certificate


def parse_subject(subject: str) -> x509.Name:
    """Read a subject such as ``CN=Release signing,O=Example`` (RFC 4514).

    Raises:
        ConfigError: It is no such name, or holds control characters.
    """
    try:
        name = x509.Name.from_rfc4514_string(subject)
    except ValueError as error:
        message = f"expected a subject such as CN=Release signing,O=Example, got {subject!r}: {error}"
        raise ConfigError("InvalidSubject", message) from None
    values = [str(attribute.value) for attribute in name]
    if not values or not all(value.isprintable() for value in values):
        raise ConfigError("InvalidSubject", f"expected a subject of printable characters, got {subject!r}")
    return name


def default_subject(role: str, key: PublicKey) -> x509.Name:
    """A subject that names the role and the key: ``CN=iotsign <role> <first 8 bytes of the fingerprint>``."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"iotsign {role} {key.fingerprint.hex()[:16]}")])


def issue_certificate(
    key: PublicKey,
    subject: x509.Name,
    issuer: Signer | Authority,
    *,
    role: Role = Role.SIGNER,
    days: int,
    now: datetime | None = None,
) -> x509.Certificate:
    """Issue a certificate.

    Args:
        key: The key it is about.
        subject: Whose it is.
        issuer: The key itself for a self-signed certificate, or a CA.
        role: What it is for.
        days: How long it is valid, from now on.
        now: When that begins; the clock's time if None.

    Raises:
        ConfigError: The days are none or too many, or end after the CA's own.
        KeyFamilyError: The issuer's key does not sign.
    """
    if not 1 <= days <= _LONGEST_DAYS:
        raise ConfigError("InvalidDays", f"expected 1 to {_LONGEST_DAYS} days of validity, got {days}")
    signer = issuer.signer if isinstance(issuer, Authority) else issuer
    start = (now or datetime.now(UTC)).replace(microsecond=0)
    end = start + timedelta(days=days)
    issuer_name, issuer_key_id = subject, _new_key_id(key)
    if isinstance(issuer, Authority):
        ca = issuer.certificate
        issuer_name, issuer_key_id = (
            ca.subject,
            find_extension(ca, x509.SubjectKeyIdentifier) or _new_key_id(signer.public_key),
        )
        if end > ca.not_valid_after_utc:
            limit = ca.not_valid_after_utc.date().isoformat()
            raise ConfigError("OutlivesIssuer", f"expected a certificate that ends by {limit}, when its issuer's does")
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(_openssl_key(key))
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=role is not Role.SIGNER, path_length=role.value), critical=True)
        .add_extension(_key_usage(role), critical=True)
        .add_extension(_new_key_id(key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key_id), critical=False)
    )
    if role is not Role.ROOT:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
    return _sign(builder, signer)


def _key_usage(role: Role) -> x509.KeyUsage:
    is_ca = role is not Role.SIGNER
    return x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )


def _openssl_key(key: PublicKey) -> "CertificatePublicKeyTypes":
    return cast("CertificatePublicKeyTypes", serialization.load_der_public_key(key.spki_der))


def _new_key_id(key: PublicKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(_openssl_key(key))


def _sign(builder: x509.CertificateBuilder, signer: Signer) -> x509.Certificate:
    """Sign with a key that OpenSSL may not hold.

    A throw-away key of the same kind makes OpenSSL write the part to be signed, with the right algorithm in it; then
    the signature is replaced by the signer's.
    """
    key_type = signer.public_key.key_type
    algorithm = _algorithm(key_type)
    openssl_hash = None if algorithm.hash is None else OPENSSL_HASHES[algorithm.hash]
    draft = builder.sign(_throw_away_key(key_type), cast("hashes.SHA256 | None", openssl_hash))
    to_be_signed = draft.tbs_certificate_bytes
    whole = draft.public_bytes(serialization.Encoding.DER)
    start = whole.index(to_be_signed) + len(to_be_signed)
    identifier = whole[start : start + 2 + whole[start + 1]]
    signature = signer.sign(to_be_signed, algorithm)
    body = to_be_signed + identifier + _tagged(_BIT_STRING, b"\0" + signature)
    return x509.load_der_x509_certificate(_tagged(_SEQUENCE, body))


def _algorithm(key_type: KeyType) -> SignatureAlgorithm:
    hash_ = HashAlgorithm.SHA384 if key_type is KeyType.P384 else HashAlgorithm.SHA256
    return choose_signature_algorithm(key_type.encryption, hash_)


def _throw_away_key(key_type: KeyType) -> OpensslPrivateKey:
    if key_type.encryption is EncryptionAlgorithm.RSA:
        return rsa.generate_private_key(65537, 1024)  # noqa: S505 - signs nothing that is kept
    return (
        ed25519.Ed25519PrivateKey.generate() if key_type is KeyType.ED25519 else ec.generate_private_key(ec.SECP256R1())
    )


def _tagged(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content
