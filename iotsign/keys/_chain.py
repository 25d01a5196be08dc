"""Certification paths for code signing.

Source: RFC 5280 §4.2 (extensions), §6.1 (path validation); the certificate policies, name constraints and revocation
lists of that standard are not processed: what demands them is refused.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from iotsign.errors import CertificateError, ConfigError, ExpiredError, KeyFamilyError
from iotsign.keys._loading import certificate_key
from iotsign.keys._public import PublicKey
from iotsign.keys._weaknesses import find_weaknesses

_Extension = TypeVar("_Extension", bound=x509.ExtensionType)

_LONGEST: Final = 8  # certificates in a path
_MOST_PATHS: Final = 64
_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_PURPOSES: Final = (ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
# what may be critical: its meaning is enforced here, or it says nothing about trust
_UNDERSTOOD: Final = (
    ExtensionOID.BASIC_CONSTRAINTS,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
)


@dataclass(frozen=True, slots=True)
class VerifiedChain:
    """A path that was found valid.

    Attributes:
        certificates: The signer's own certificate first, the root last; one alone if it is trusted by itself.
        key: The signer's public key.
        at: The time it was found valid for.
    """

    certificates: tuple[x509.Certificate, ...]
    key: PublicKey
    at: datetime


def check_signing_certificate(certificate: x509.Certificate, *, at: datetime | None = None) -> PublicKey:
    """Check that a certificate by itself permits signing code; who issued it is the caller's question.

    Args:
        certificate: The signer's own certificate.
        at: The time in question, with its time zone; now if None.

    Returns:
        The key that signs.

    Raises:
        CertificateError: It is a CA's, its key must not be used, or its key usage, extended key usage or another
            extension forbids it.
        ExpiredError: It is not valid at that time.
        ConfigError: The time has no zone.
    """
    moment = _moment(at)
    # 1. What it is about: a key that may be used.
    key = _usable_key(certificate)
    # 2. When.
    _check_validity(certificate, moment)
    # 3. Its form, and nothing in it that is not understood.
    extensions = _check_form(certificate)
    # 4. What for: not a CA, key usage digitalSignature, extended key usage codeSigning or any.
    constraints = _find(extensions, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise _refusal("SignerIsCa", certificate, "expected a signer's certificate, got a CA's")
    usage = _find(extensions, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        raise _refusal("NoDigitalSignature", certificate, "expected key usage digitalSignature, got none")
    purposes = _find(extensions, x509.ExtendedKeyUsage)
    if purposes is None or not _has_purpose(purposes):
        raise _refusal("NoCodeSigning", certificate, "expected extended key usage codeSigning or any, got none")
    return key


def verify_chain(
    certificate: x509.Certificate,
    *,
    roots: Sequence[x509.Certificate],
    intermediates: Sequence[x509.Certificate] = (),
    at: datetime | None = None,
) -> VerifiedChain:
    """Verify that a signer's certificate leads to a trusted root, every step permitting code signing.

    Args:
        certificate: The signer's own certificate.
        roots: What is trusted: self-signed CA certificates, or the signer's own certificate.
        intermediates: CA certificates that may lie between; nothing in them is trusted.
        at: The time in question, with its time zone; now if None.

    Raises:
        CertificateError: No path, or a step of it fails; the code names the step and the message the certificate.
        ExpiredError: A certificate of the path is not valid at that time.
        ConfigError: The time has no zone.
    """
    moment = _moment(at)
    # 1. to 4. The signer's certificate permits signing code.
    key = check_signing_certificate(certificate, at=moment)
    if certificate in roots:
        return VerifiedChain((certificate,), key, moment)
    return VerifiedChain(find_path(certificate, roots, intermediates, moment), key, moment)


def check_carried_chain(certificates: Sequence[x509.Certificate], *, at: datetime) -> PublicKey:
    """Check the certificates that a signature carries: each issued by the next; whether any is trusted is not asked.

    Args:
        certificates: The signer's own first; the last is a root, or its issuer is not among them.
        at: The time in question, with its time zone.

    Returns:
        The key that signs.

    Raises:
        CertificateError: A step fails.
        ExpiredError: A certificate is not valid at that time.
        ConfigError: The time has no zone.
    """
    moment = _moment(at)
    key = check_signing_certificate(certificates[0], at=moment)
    for certificate, issuer in pairwise(certificates):
        if certificate.issuer != issuer.subject:
            message = f"expected the certificate of its issuer {_name(certificate.issuer)} next"
            raise _refusal("ChainBroken", certificate, f"{message}, got that of {_name(issuer.subject)}")
    check_issuers(certificates, moment)
    last = certificates[-1]
    if _is_self_issued(last):
        _check_signature(last, last)
    return key


def find_path(
    certificate: x509.Certificate,
    roots: Sequence[x509.Certificate],
    intermediates: Sequence[x509.Certificate],
    at: datetime,
) -> tuple[x509.Certificate, ...]:
    """Find a valid path from a certificate to a root; what the certificate itself permits is the caller's question.

    Raises:
        CertificateError: No path, or a step of each fails.
        ExpiredError: An issuer is not valid at that time.
    """
    # 5. Names lead to a root; where several paths do, one valid path is enough and the first failure is told.
    failure: CertificateError | ExpiredError | None = None
    for path in _paths(certificate, roots, intermediates):
        try:
            check_issuers(path, at)
        except (CertificateError, ExpiredError) as error:
            failure = failure or error
        else:
            return path
    message = f"expected a path to a trusted root, found none from its issuer {_name(certificate.issuer)}"
    raise failure or _refusal("NoPathToRoot", certificate, message)


def check_issuers(path: Sequence[x509.Certificate], at: datetime) -> None:
    """Check every step of a path above the signer's certificate.

    Args:
        path: The signer's certificate first, a trusted root last; subject and issuer names already fit.
        at: The time in question, with its time zone.

    Raises:
        CertificateError: A step fails.
        ExpiredError: A certificate is not valid at that time.
    """
    below = 0  # CA certificates between this one and the signer's, self-issued ones not counted
    for certificate, issuer in pairwise(path):
        # 6. The issuer's key may be used, and is sound.
        weaknesses = find_weaknesses(_usable_key(issuer))
        if weaknesses:
            raise _refusal(weaknesses[0].code, issuer, weaknesses[0].message)
        # 7. The issuer signed it, with a hash that still holds.
        _check_signature(certificate, issuer)
        # 8. The issuer is valid at the time.
        _check_validity(issuer, at)
        # 9. The issuer's certificate has its form, and nothing in it that is not understood.
        extensions = _check_form(issuer)
        # 10. The issuer is a CA, and for as long a path.
        constraints = _find(extensions, x509.BasicConstraints)
        if constraints is None or not constraints.ca:
            raise _refusal("IssuerIsNoCa", issuer, "expected basic constraints with CA true, got none")
        if constraints.path_length is not None and below > constraints.path_length:
            message = f"expected at most {constraints.path_length} CA certificates below it, got {below}"
            raise _refusal("PathTooLong", issuer, message)
        # 11. Its key signs certificates, and its purposes, if it names any, include code signing.
        usage = _find(extensions, x509.KeyUsage)
        if usage is not None and not usage.key_cert_sign:
            raise _refusal("NoCertificateSigning", issuer, "expected key usage keyCertSign, got others")
        purposes = _find(extensions, x509.ExtendedKeyUsage)
        if purposes is not None and not _has_purpose(purposes):
            raise _refusal("NoCodeSigning", issuer, "expected extended key usage codeSigning or any, got others")
        below += not _is_self_issued(issuer)


def find_extension(certificate: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    """The value of one extension; None if the certificate has none of that kind.

    Raises:
        CertificateError: Its extensions are malformed.
    """
    return _find(_extensions(certificate), kind)


def is_ca(certificate: x509.Certificate) -> bool:
    """Whether a certificate says that it is a CA's.

    Raises:
        CertificateError: Its extensions are malformed.
    """
    constraints = find_extension(certificate, x509.BasicConstraints)
    return constraints is not None and constraints.ca


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether a certificate names itself as issuer and its own key signed it."""
    if not _is_self_issued(certificate):
        return False
    try:
        _check_signature(certificate, certificate)
    except CertificateError:
        return False
    return True


def _paths(
    certificate: x509.Certificate, roots: Sequence[x509.Certificate], intermediates: Sequence[x509.Certificate]
) -> Iterator[tuple[x509.Certificate, ...]]:
    found = 0
    waiting: list[tuple[x509.Certificate, ...]] = [(certificate,)]
    while waiting:
        path = waiting.pop(0)
        for root in _issuers(path[-1], roots):
            yield (*path, root)
            found += 1
        if len(path) + 1 < _LONGEST and len(waiting) + found < _MOST_PATHS:
            waiting.extend((*path, ca) for ca in _issuers(path[-1], intermediates) if ca not in path)


def _issuers(certificate: x509.Certificate, candidates: Iterable[x509.Certificate]) -> list[x509.Certificate]:
    return [ca for ca in candidates if ca.subject == certificate.issuer and _may_have_signed(ca, certificate)]


def _may_have_signed(ca: x509.Certificate, certificate: x509.Certificate) -> bool:
    wanted = find_extension(certificate, x509.AuthorityKeyIdentifier)
    got = find_extension(ca, x509.SubjectKeyIdentifier)
    return wanted is None or got is None or wanted.key_identifier in (None, got.digest)


def _check_signature(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    try:
        hash_ = certificate.signature_hash_algorithm
        if hash_ is not None and not isinstance(hash_, _HASHES):
            raise _refusal(
                "WeakCertificateHash", certificate, f"expected SHA-256 or better in its signature, got {hash_.name}"
            )
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        message = f"the signature on it was not made by {_name(issuer.subject)}"
        raise _refusal("CertificateSignature", certificate, message) from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        message = f"expected a signature that fits its issuer {_name(issuer.subject)}, got another kind"
        raise _refusal("CertificateSignature", certificate, message) from None


def _check_validity(certificate: x509.Certificate, at: datetime) -> None:
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not first <= at <= last:
        code, what = ("NotYetValid", "begins") if at < first else ("Expired", "ended")
        limit = first if at < first else last
        moments = {"not_before": first.isoformat(), "not_after": last.isoformat(), "at": at.isoformat()}
        message = (
            f"at {moments['at']} expected a valid certificate, got one whose validity {what} at {limit.isoformat()}"
        )
        raise ExpiredError(code, f"{message}: {_name(certificate.subject)}", **moments)


def _check_form(certificate: x509.Certificate) -> x509.Extensions:
    if certificate.version is not x509.Version.v3:
        message = f"expected an X.509 certificate of version 3, got {certificate.version.name}"
        raise _refusal("CertificateVersion", certificate, message)
    extensions = _extensions(certificate)
    for extension in extensions:
        if extension.oid == ExtensionOID.NAME_CONSTRAINTS or (extension.critical and extension.oid not in _UNDERSTOOD):
            message = f"its extension {extension.oid.dotted_string} demands what is not supported"
            raise _refusal("UnsupportedExtension", certificate, message, oid=extension.oid.dotted_string)
    return extensions


def _extensions(certificate: x509.Certificate) -> x509.Extensions:
    try:
        return certificate.extensions
    except (ValueError, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        raise _refusal("MalformedExtensions", certificate, "expected well-formed extensions, got others") from None


def _find(extensions: x509.Extensions, kind: type[_Extension]) -> _Extension | None:
    return next((extension.value for extension in extensions if isinstance(extension.value, kind)), None)


def _has_purpose(purposes: x509.ExtendedKeyUsage) -> bool:
    return any(purpose in _PURPOSES for purpose in purposes)


def _usable_key(certificate: x509.Certificate) -> PublicKey:
    try:
        return certificate_key(certificate)
    except KeyFamilyError as error:
        raise _refusal(error.code, certificate, error.message) from error


def _is_self_issued(certificate: x509.Certificate) -> bool:
    return certificate.subject == certificate.issuer


def _moment(at: datetime | None) -> datetime:
    if at is not None and at.tzinfo is None:
        raise ConfigError("TimeWithoutZone", f"expected a time with its zone, got {at.isoformat()}")
    return at or datetime.now(UTC)


def _name(name: x509.Name) -> str:
    return name.rfc4514_string() or "(no name)"


def _refusal(code: str, certificate: x509.Certificate, message: str, **data: str) -> CertificateError:
    subject = _name(certificate.subject)
    return CertificateError(code, f"certificate {subject}: {message}", subject=subject, **data)
