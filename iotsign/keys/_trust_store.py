"""A directory of certificates that the user trusts."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from iotsign.errors import KeyUnavailableError
from iotsign.keys._chain import VerifiedChain, is_ca, is_self_signed, verify_chain
from iotsign.keys._loading import find_certificates

_SUFFIXES: Final = (".pem", ".crt", ".cer", ".der")


class TrustStore:
    """The certificates in a directory's .pem, .crt, .cer and .der files; its subdirectories, and keys, are passed over.

    Attributes:
        directory: Where they come from.
        roots: Self-signed certificates; whatever leads to one of these is trusted.
        intermediates: CA certificates signed by others; nothing in them is trusted by itself.
        signers: Certificates of those who may have signed an image.
    """

    __slots__ = ("directory", "intermediates", "roots", "signers")

    def __init__(self, directory: str | Path) -> None:
        """Read a directory.

        Raises:
            KeyUnavailableError: It is no readable directory, holds no certificate, or a damaged one.
            CertificateError: A certificate's extensions are malformed.
        """
        self.directory = Path(directory)
        certificates = _read(self.directory)
        cas = [certificate for certificate in certificates if is_ca(certificate)]
        self.roots = tuple(certificate for certificate in certificates if is_self_signed(certificate))
        self.intermediates = tuple(certificate for certificate in cas if certificate not in self.roots)
        self.signers = tuple(certificate for certificate in certificates if certificate not in cas)

    def verify_chain(
        self,
        certificate: x509.Certificate,
        *,
        intermediates: Sequence[x509.Certificate] = (),
        at: datetime | None = None,
    ) -> VerifiedChain:
        """Verify that a signer's certificate, from here or elsewhere, leads to one of the roots.

        Args:
            certificate: The signer's own certificate.
            intermediates: CA certificates that may lie between, besides those from here; they are not trusted.
            at: The time in question, with its time zone; now if None.

        Raises:
            CertificateError: No path, or a step of it fails; the code names the step and the message the certificate.
            ExpiredError: A certificate of the path is not valid at that time.
            ConfigError: The time has no zone.
        """
        between = list(dict.fromkeys([*intermediates, *self.intermediates]))
        return verify_chain(certificate, roots=self.roots, intermediates=between, at=at)


def _read(directory: Path) -> list[x509.Certificate]:
    try:
        files = sorted(path for path in directory.iterdir() if path.suffix.lower() in _SUFFIXES and path.is_file())
    except OSError as error:
        message = f"cannot read the trust directory {str(directory)!r}: {error.strerror}"
        raise KeyUnavailableError("TrustUnreadable", message, path=str(directory)) from None
    certificates = list(dict.fromkeys(certificate for path in files for certificate in find_certificates(path)))
    if not certificates:
        message = f"expected certificates in {str(directory)!r} ({', '.join(_SUFFIXES)}), got none"
        raise KeyUnavailableError("NoCertificates", message, path=str(directory))
    return certificates
