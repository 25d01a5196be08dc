"""What a verdict rests on: a public key, a certificate, or a directory of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from iotsign.errors import CertificateError, KeyFamilyError

if TYPE_CHECKING:
    from cryptography import x509

    from iotsign.keys import PublicKey, TrustStore, VerifiedChain
    from iotsign.platforms import Platform

__all__ = ["Candidate", "Trust"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A key that may have made the signature.

    Attributes:
        key: The public key.
        certificate: The certificate about it; None for a bare key.
        description: The key, and the subject of its certificate, for people.
    """

    key: PublicKey
    certificate: x509.Certificate | None = None
    description: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        name = f" of {self.certificate.subject.rfc4514_string()}" if self.certificate else ""
        words = f"{self.key.key_type.value} key {self.key.fingerprint.hex()[:16]}…{name}"
        object.__setattr__(self, "description", words)


@dataclass(frozen=True, slots=True)
class Trust:
    """What the user trusts.

    Attributes:
        name: The file or directory it came from.
        candidates: Keys that may have signed; none if a directory holds CAs only, which is enough where an image
            carries its signer's certificate.
        store: Roots and intermediates that a certificate must lead to; None if the key or certificate is trusted as
            it stands.
        refusal: Why a directory's signer certificate is not among the candidates, if so.
    """

    name: str
    candidates: tuple[Candidate, ...]
    store: TrustStore | None = None
    refusal: KeyFamilyError | None = None

    @classmethod
    def from_key(cls, path: Path) -> Trust:
        """Trust one public key.

        Raises:
            KeyFamilyError: The file does not hold a usable public key.
        """
        return cls.from_keys([path])

    @classmethod
    def from_keys(cls, paths: Sequence[Path]) -> Trust:
        """Trust public keys, any of them.

        Raises:
            KeyFamilyError: A file does not hold a usable public key.
        """
        from iotsign.keys import load_public_key

        candidates = tuple(Candidate(load_public_key(path)) for path in paths)
        return cls(", ".join(map(str, paths)), candidates)

    @classmethod
    def from_certificate(cls, path: Path) -> Trust:
        """Trust one certificate: its key, as far as it permits code signing at the time in question.

        Raises:
            KeyFamilyError: The file does not hold a usable certificate.
        """
        from iotsign.keys import certificate_key, load_certificate

        certificate = load_certificate(path)
        return cls(str(path), (Candidate(certificate_key(certificate), certificate),))

    @classmethod
    def from_directory(cls, directory: Path) -> Trust:
        """Trust whatever leads to a root in a directory.

        A signed object does not carry its signer's certificate, so this lies in the directory too, with the
        intermediates: who signed is found by trying each certificate that is not a CA's. A signing service's images do.

        Raises:
            KeyFamilyError: The directory cannot be read, or holds no certificate.
            CertificateError: A certificate's extensions are malformed.
        """
        from iotsign.keys import TrustStore, certificate_key

        store = TrustStore(directory)
        candidates, refusal = [], None
        for certificate in store.signers:
            try:
                candidates.append(Candidate(certificate_key(certificate), certificate))
            except KeyFamilyError as error:
                refusal = error
        return cls(str(directory), tuple(candidates), store, refusal)

    def check_certificate(self, certificate: x509.Certificate, at: datetime, platform: Platform | None) -> str:
        """Check that the signer's certificate permits code signing and leads to what is trusted.

        Args:
            certificate: The signer's own.
            at: The time in question, with its time zone.
            platform: What else the certificate has to permit.

        Returns:
            What was found, for people.

        Raises:
            CertificateError: It does not permit code signing, or leads to no trusted root.
            ExpiredError: A certificate is not valid at that time.
        """
        from iotsign.keys import check_signing_certificate

        if platform is not None:
            _check_platform_purpose(certificate, platform)
        if self.store is None:
            check_signing_certificate(certificate, at=at)
            return f"trusted as it stands, permits code signing at {at.isoformat(timespec='seconds')}"
        return _describe_chain(self.store.verify_chain(certificate, at=at))

    def check_carried(self, certificates: Sequence[x509.Certificate], at: datetime, platform: Platform | None) -> str:
        """Check the certificates that an image carries: each issued by the next, and no other than what is trusted.

        Args:
            certificates: The signer's own first; its key is a candidate's where there is no store.
            at: The time in question, with its time zone.
            platform: What else the signer's certificate has to permit.

        Returns:
            What was found, for people.

        Raises:
            CertificateError: One does not permit what it is used for, they lead to no trusted root, or there are others
                among them.
            ExpiredError: A certificate is not valid at that time.
        """
        from iotsign.keys import check_carried_chain

        certificate, *above = certificates
        check_carried_chain(certificates, at=at)
        if platform is not None:
            _check_platform_purpose(certificate, platform)
        if self.store is None:
            return f"its key is trusted, it permitted code signing at {at.isoformat(timespec='seconds')}"
        chain = self.store.verify_chain(certificate, intermediates=above, at=at)
        for other in above:
            if other not in chain.certificates and other not in self.store.roots:
                subject = other.subject.rfc4514_string()
                message = f"expected only certificates on the path to a trusted root in the image, got {subject}, too"
                raise CertificateError("StrayCertificate", message, subject=subject)
        return _describe_chain(chain)


def _describe_chain(chain: VerifiedChain) -> str:
    names = " < ".join(link.subject.rfc4514_string() or "(no name)" for link in chain.certificates)
    return f"{names}, valid at {chain.at.isoformat(timespec='seconds')}"


def _check_platform_purpose(certificate: x509.Certificate, platform: Platform) -> None:
    """Refuse the purpose `any` where the platform wants `codeSigning` itself."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    if "any" in platform.certificate.extended_key_usage:
        return
    try:
        purposes = list(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except (x509.ExtensionNotFound, ValueError):
        purposes = []
    if ExtendedKeyUsageOID.CODE_SIGNING not in purposes:
        message = f"platform {platform.platform_id} wants a certificate with extended key usage codeSigning"
        raise CertificateError("NoCodeSigning", message, platform=platform.platform_id)
