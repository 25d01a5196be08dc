"""Public keys and certificates in files."""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from iotsign.errors import KeyFamilyError, KeyRejectedError, KeyUnavailableError
from iotsign.keys._files import PRIVATE_LABELS, PemBlock, read_key_file
from iotsign.keys._public import PublicKey, has_explicit_parameters, spki

if TYPE_CHECKING:
    from cryptography import x509

_CERTIFICATE_LABELS: Final = ("CERTIFICATE", "X509 CERTIFICATE")
_PUBLIC_LABELS: Final = ("PUBLIC KEY", "RSA PUBLIC KEY")


def load_public_key(path: str | Path) -> PublicKey:
    """Read the public key from a PEM or DER file; ``-`` is standard input.

    The file holds one public key (SubjectPublicKeyInfo or PKCS#1), or certificates, of which the first gives the key.

    Raises:
        KeyUnavailableError: The file is unreadable or holds neither.
        KeyRejectedError: A private key, which has no business where signatures are verified; or a weak or invalid one.
        UnsupportedAlgorithmError: A key type that iotsign does not verify with.
    """
    blocks = read_key_file(path).blocks()
    if holds_private_key(blocks):
        message = (
            f"expected a public key or certificate in {str(path)!r}, got a private key; only the signer needs that"
        )
        raise KeyRejectedError("PrivateKeyGiven", message, path=str(path))
    return parse_public(blocks, path)[0]


def holds_private_key(blocks: list[PemBlock]) -> bool:
    """Whether a private key, encrypted or not, is among what a file held."""
    return any(_is_private(block) for block in blocks)


def parse_public(blocks: list[PemBlock], path: str | Path) -> "tuple[PublicKey, tuple[x509.Certificate, ...]]":
    """Make a public key of what a file without private keys held.

    Returns:
        The key, and the certificates if it came from the first of them.

    Raises:
        KeyUnavailableError: There is neither one public key nor a certificate.
        KeyRejectedError: The key is weak or invalid.
        UnsupportedAlgorithmError: A key type that iotsign does not verify with.
    """
    labels = [block.label for block in blocks]
    with _named(path):
        if len(labels) == 1 and (labels[0] in _PUBLIC_LABELS or (labels == [None] and not _is_certificate(blocks[0]))):
            return _parse_public_key(blocks[0]), ()
        certificates = _parse_certificates(blocks)
        return certificate_key(certificates[0]), certificates


def load_certificates(path: str | Path) -> "tuple[x509.Certificate, ...]":
    """Read every certificate from a PEM or DER file, in order; ``-`` is standard input.

    Raises:
        KeyUnavailableError: The file is unreadable, holds no certificate, or something besides certificates.
    """
    blocks = read_key_file(path).blocks()
    with _named(path):
        return _parse_certificates(blocks)


def parse_certificates(ders: Iterable[bytes]) -> "tuple[x509.Certificate, ...]":
    """Read certificates that something else carries, in order.

    Raises:
        KeyUnavailableError: One is damaged.
    """
    from cryptography import x509

    try:
        return tuple(_parse_certificate(der) for der in ders)
    except (ValueError, x509.InvalidVersion):
        raise KeyUnavailableError("InvalidCertificate", "expected a DER X.509 certificate, got a damaged one") from None


def find_certificates(path: str | Path) -> "tuple[x509.Certificate, ...]":
    """Read the certificates from a file that may hold other PEM objects as well; perhaps none.

    Raises:
        KeyUnavailableError: The file is unreadable or a certificate in it is damaged.
    """
    blocks = [block for block in read_key_file(path).blocks() if block.label in (None, *_CERTIFICATE_LABELS)]
    with _named(path):
        return _parse_certificates(blocks) if blocks else ()


def load_certificate(path: str | Path) -> "x509.Certificate":
    """Read the first certificate, which is the signer's own, from a PEM or DER file; ``-`` is standard input.

    Raises:
        KeyUnavailableError: The file is unreadable, holds no certificate, or something besides certificates.
    """
    return load_certificates(path)[0]


@lru_cache(maxsize=64)
def certificate_key(certificate: "x509.Certificate") -> PublicKey:
    """The public key that a certificate is about.

    Raises:
        KeyRejectedError: It is weak or invalid.
        UnsupportedAlgorithmError: A key type that iotsign does not verify with.
    """
    if has_explicit_parameters(certificate.tbs_certificate_bytes):
        message = "expected a named curve in the certificate's key, got explicit curve parameters"
        raise KeyRejectedError("ExplicitCurveParameters", message)
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise KeyRejectedError("InvalidPublicKey", "expected a valid public key in the certificate, got none") from None
    return PublicKey(spki(key))


@contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Put the file's name in front of what is wrong with its content."""
    try:
        yield
    except KeyFamilyError as error:
        raise type(error)(error.code, f"{str(path)!r}: {error.message}", path=str(path)) from None


def _is_private(block: PemBlock) -> bool:
    if block.label is not None:
        return block.label in PRIVATE_LABELS
    try:
        serialization.load_der_private_key(block.text.value, None)
    except (ValueError, UnsupportedAlgorithm):
        return False
    except TypeError:  # encrypted
        return True
    return True


def _is_certificate(block: PemBlock) -> bool:
    from cryptography import x509

    try:
        _parse_certificate(block.der.value if block.der else b"")
    except (ValueError, x509.InvalidVersion):
        return False
    return True


def _parse_public_key(block: PemBlock) -> PublicKey:
    if block.der is None:
        raise KeyUnavailableError("InvalidPublicKey", "expected base64 in the PEM public key, got something else")
    try:
        key = serialization.load_der_public_key(block.der.value)
    except (ValueError, UnsupportedAlgorithm):
        raise KeyUnavailableError("InvalidPublicKey", "expected a public key, got a damaged or unknown one") from None
    if isinstance(key, rsa.RSAPublicKey):
        pkcs1 = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
        if pkcs1 == block.der.value:
            return PublicKey(spki(key))
    return PublicKey(block.der.value)


def _parse_certificates(blocks: list[PemBlock]) -> "tuple[x509.Certificate, ...]":
    from cryptography import x509

    if not blocks or any(block.label not in (None, *_CERTIFICATE_LABELS) for block in blocks):
        got = ", ".join(block.label or "DER" for block in blocks) or "neither PEM nor DER"
        raise KeyUnavailableError("NotACertificate", f"expected certificates and nothing else, got {got}")
    try:
        return tuple(_parse_certificate(block.der.value if block.der else b"") for block in blocks)
    except (ValueError, x509.InvalidVersion):
        raise KeyUnavailableError("InvalidCertificate", "expected a DER X.509 certificate, got a damaged one") from None


@lru_cache(maxsize=64)  # a service reads the same few chains again and again
def _parse_certificate(der: bytes) -> "x509.Certificate":
    from cryptography import x509

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd names, and of serial numbers, which are refused here
        certificate = x509.load_der_x509_certificate(der)
        # these parse when asked for; whoever gets a certificate from here need not fear them
        _ = certificate.subject, certificate.issuer, certificate.not_valid_before_utc, certificate.not_valid_after_utc
        if certificate.serial_number <= 0:
            raise ValueError("expected a positive serial number")
    return certificate
