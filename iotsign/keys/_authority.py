"""A directory that holds a small certificate authority: root, intermediate, and what they issued.

::

    DIR/root.pem                    self-signed root certificate
    DIR/intermediate.pem            certificate of the intermediate CA, which issues
    DIR/signer-<key>.pem            issued certificates
    DIR/private/root-key.pem        belongs offline as soon as the intermediate CA exists
    DIR/private/intermediate-key.pem

DIR itself is a trust directory: `TrustStore` reads its certificates, and not what lies below.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from iotsign.algorithms import KeyType
from iotsign.errors import ConfigError, KeyRejectedError, StoreError
from iotsign.keys._chain import verify_chain
from iotsign.keys._generate import generate_key, write_key_file
from iotsign.keys._issue import Authority, Role, default_subject, issue_certificate, parse_subject
from iotsign.keys._loading import certificate_key, load_certificate
from iotsign.keys._private import Passphrase, open_pem_signer
from iotsign.keys._public import PublicKey
from iotsign.keys._signer import Signer

ROOT_DAYS: Final = 7300
INTERMEDIATE_DAYS: Final = 3650

_ROOT: Final = "root.pem"
_INTERMEDIATE: Final = "intermediate.pem"
_PRIVATE: Final = "private"


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A signer's certificate and who vouches for it.

    Attributes:
        certificate: The signer's own.
        issuers: Intermediate and root; empty for a self-signed certificate.
        files: What was written into the authority's directory.
    """

    certificate: x509.Certificate
    issuers: tuple[x509.Certificate, ...]
    files: tuple[Path, ...]


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """A certificate as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def certify_self(signer: Signer, *, subject: str | None, days: int, now: datetime | None = None) -> IssuedCertificate:
    """Issue a self-signed code-signing certificate.

    Args:
        signer: Whose key it is about and who signs it.
        subject: RFC 4514; None names the key.
        days: How long it is valid, from now on.
        now: When that begins; the clock's time if None.

    Raises:
        ConfigError: The subject is malformed, or the days are none or too many.
        KeyFamilyError: The key does not sign.
    """
    name = _subject(subject, signer.public_key)
    return IssuedCertificate(issue_certificate(signer.public_key, name, signer, days=days, now=now), (), ())


def certify_with(
    directory: str | Path,
    signer_key: PublicKey,
    *,
    subject: str | None,
    days: int,
    passphrase: Passphrase | None = None,
    new_passphrase: bytes | None = None,
    now: datetime | None = None,
) -> IssuedCertificate:
    """Issue a code-signing certificate by the authority in a directory; an empty one becomes an authority first.

    Args:
        directory: Where the authority is, or is to be.
        signer_key: What the certificate is about. New CA keys are of the same type.
        subject: RFC 4514; None names the key.
        days: How long it is valid, from now on.
        passphrase: Called if the CA's key is encrypted.
        new_passphrase: Encrypts the keys of a new authority; None leaves them in the clear.
        now: When everything begins; the clock's time if None.

    Raises:
        ConfigError: The subject is malformed, the days are none, too many or end after the CA's, or the directory
            holds half an authority.
        KeyFamilyError: The CA's key or certificate is unreadable, must not sign, or they do not fit each other.
        CertificateError: The CA's certificate does not permit what was issued.
        StoreError: The system does not take the files.
    """
    home = Path(directory)
    _subject(subject, signer_key)
    with ExitStack() as undo:
        written: list[Path] = []
        if not (home / _INTERMEDIATE).exists():
            written += _create(home, signer_key.key_type, new_passphrase, now, undo)
        known = passphrase or (lambda: new_passphrase or b"")
        issued = issue_with(home, signer_key, subject=subject, days=days, passphrase=known, now=now)
        path = home / f"signer-{signer_key.fingerprint.hex()[:16]}.pem"
        write_key_file(path, certificate_pem(issued.certificate), private=False, force=True)
        undo.pop_all()
    return IssuedCertificate(issued.certificate, issued.issuers, (*written, path))


def create_authority(
    directory: str | Path, key_type: KeyType, *, passphrase: bytes | None = None, now: datetime | None = None
) -> None:
    """Make a root and an intermediate CA in a directory; all of it or nothing.

    Args:
        directory: Where; its parent is there.
        key_type: Of both keys.
        passphrase: Encrypts both; None leaves them in the clear.
        now: When they begin; the clock's time if None.

    Raises:
        ConfigError: The directory holds an authority, or half of one.
        StoreError: The system does not take the files.
    """
    with ExitStack() as undo:
        _create(Path(directory), key_type, passphrase, now, undo)
        undo.pop_all()


def issue_with(
    directory: str | Path,
    signer_key: PublicKey,
    *,
    subject: str | None,
    days: int,
    passphrase: Passphrase,
    now: datetime | None = None,
) -> IssuedCertificate:
    """Issue a code-signing certificate by the authority in a directory, and write nothing.

    Args:
        directory: Where the authority is.
        signer_key: What the certificate is about.
        subject: RFC 4514; None names the key.
        days: How long it is valid, from now on.
        passphrase: Called if the CA's key is encrypted.
        now: When that begins; the clock's time if None.

    Raises:
        ConfigError: The subject is malformed, or the days are none, too many or end after the CA's.
        KeyFamilyError: The CA's key or certificate is unreadable, must not sign, or they do not fit each other.
        CertificateError: The CA's certificate does not permit what was issued.
    """
    home = Path(directory)
    name = _subject(subject, signer_key)
    authority = _open(home, passphrase)
    certificate = issue_certificate(signer_key, name, authority, days=days, now=now)
    root = load_certificate(home / _ROOT)
    verify_chain(certificate, roots=[root], intermediates=[authority.certificate], at=certificate.not_valid_before_utc)
    return IssuedCertificate(certificate, (authority.certificate, root), ())


def load_authority(directory: str | Path) -> tuple[x509.Certificate, x509.Certificate]:
    """Read the certificates of the authority in a directory: the intermediate CA's and the root's.

    Raises:
        KeyFamilyError: One of them is missing or damaged.
    """
    home = Path(directory)
    return load_certificate(home / _INTERMEDIATE), load_certificate(home / _ROOT)


def _create(
    home: Path, key_type: KeyType, passphrase: bytes | None, now: datetime | None, undo: ExitStack
) -> list[Path]:
    keys = {name: home / _PRIVATE / f"{name}-key.pem" for name in ("root", "intermediate")}
    certificates = {"root": home / _ROOT, "intermediate": home / _INTERMEDIATE}
    there = [path for path in (*keys.values(), *certificates.values()) if path.exists()]
    if there:
        message = f"expected a whole authority or none in {str(home)!r}, got only {', '.join(map(str, there))}"
        raise ConfigError("IncompleteAuthority", message, path=str(home))
    for directory, mode in ((home, 0o755), (home / _PRIVATE, 0o700)):
        _make_directory(directory, mode, undo)
    for path in keys.values():
        write_key_file(path, generate_key(key_type, passphrase=passphrase))
        undo.callback(path.unlink)
    signers = {
        name: open_pem_signer(str(path), lambda: passphrase or b"", allow_insecure=False) for name, path in keys.items()
    }
    root_key, issuing_key = signers["root"].public_key, signers["intermediate"].public_key
    root = issue_certificate(
        root_key, default_subject("root CA", root_key), signers["root"], role=Role.ROOT, days=ROOT_DAYS, now=now
    )
    issuing = issue_certificate(
        issuing_key,
        default_subject("intermediate CA", issuing_key),
        Authority(signers["root"], root),
        role=Role.INTERMEDIATE,
        days=INTERMEDIATE_DAYS,
        now=now,
    )
    for path, certificate in zip(certificates.values(), (root, issuing), strict=True):
        write_key_file(path, certificate_pem(certificate), private=False)
        undo.callback(path.unlink)
    return [*keys.values(), *certificates.values()]


def _make_directory(path: Path, mode: int, undo: ExitStack) -> None:
    if path.is_dir():
        return
    try:
        path.mkdir(mode)
    except OSError as error:
        raise StoreError("DirectoryUnwritable", f"cannot create {str(path)!r}: {error.strerror}") from None
    undo.callback(path.rmdir)


def _open(home: Path, passphrase: Passphrase) -> Authority:
    certificate = load_certificate(home / _INTERMEDIATE)
    signer = open_pem_signer(str(home / _PRIVATE / "intermediate-key.pem"), passphrase, allow_insecure=False)
    if signer.public_key != certificate_key(certificate):
        message = f"the intermediate CA's key and certificate in {str(home)!r} do not belong together"
        raise KeyRejectedError("AuthorityKeyMismatch", message, path=str(home))
    return Authority(signer, certificate)


def _subject(subject: str | None, key: PublicKey) -> x509.Name:
    return parse_subject(subject) if subject is not None else default_subject("signer", key)
