"""One generation of the issuing chain: a root, an issuing CA, and what they issued.

::

    HOME/root.pem                         certificate of the root
    HOME/intermediate.pem                 certificate of the issuing CA
    HOME/private/root-key.pem             THE ROOT'S KEY, which nothing reads any more: it belongs offline
    HOME/private/intermediate-key.pem     the issuing CA's key
    HOME/signers/ACCOUNT-NAME-VERSION.pem the key that signs for a profile version now, and its certificate
    HOME/issued/SHA384.pem                each certificate that was issued, by the hash of its TBSCertificate

Private keys are encrypted under the service's key file.
"""

from contextlib import suppress
from datetime import datetime
from hashlib import sha384
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iotsign.algorithms import KeyType
from iotsign.errors import ExpiredError, StoreError
from iotsign.keys import (
    Passphrase,
    certificate_key,
    certificate_pem,
    find_certificates,
    generate_key,
    issue_with,
    load_authority,
    open_signer,
    verify_chain,
    write_key_file,
)
from iotsign.signer import Announce, Material, ProfileArn

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

SIGNER_DAYS: Final = 90
"""How long a signer's certificate is valid; another takes its place when a third of that is left."""

_SIGNERS: Final = "signers"
_ISSUED: Final = "issued"
_NEW_KEY: Final = ".new-key.pem"


class Chain:
    """A root, an issuing CA and the signers below them. Whoever issues holds the lock of the directory of chains.

    Args:
        home: Where it is.
        secret: Gives what encrypts its private keys.

    Raises:
        KeyFamilyError: A certificate is missing or damaged.
    """

    def __init__(self, home: Path, secret: Passphrase) -> None:
        self.issuing, self.root = load_authority(home)
        self._home, self._secret = home, secret
        self._root_hash, self._issuing_hash = tbs_hash(self.root), tbs_hash(self.issuing)

    def signer(self, profile: ProfileArn, now: datetime) -> Material | None:
        """Give what signs for a profile version; None if nothing does that is valid long enough.

        Raises:
            CertificateError: The certificate is not one of this chain's.
            KeyFamilyError: The key cannot be used, or the key file is missing, another's or readable by others.
        """
        path = self._signer_path(profile)
        if not path.exists():
            return None
        certificate = find_certificates(path)[0]
        signer = open_signer(f"pem:{path}", passphrase=self._secret)
        if signer.public_key != certificate_key(certificate):
            return None  # cut off between key and certificate, which no write of ours leaves behind
        material = Material(str(profile), signer, certificate, (self.issuing, self.root))
        if not signs_at(material, now):
            return None
        verify_chain(certificate, roots=[self.root], intermediates=[self.issuing], at=now)
        return material

    def issue(self, profile: ProfileArn, now: datetime, announce: Announce) -> Material:
        """Make a key that signs for a profile version, and certify it.

        Raises:
            ExpiredError: The issuing CA is not valid, or not for another day.
            KeyFamilyError: The issuing CA's key cannot be used.
            StoreError: It was not announced, or the system does not take it.
        """
        new_key = self._home / _SIGNERS / _NEW_KEY
        try:
            for name in (_SIGNERS, _ISSUED):
                (self._home / name).mkdir(mode=0o700, exist_ok=True)
            pem = generate_key(KeyType.P384, passphrase=self._secret())
            write_key_file(new_key, pem, force=True)
            signer = open_signer(f"pem:{new_key}", passphrase=self._secret)
            issued = issue_with(
                self._home,
                signer.public_key,
                subject=f"CN={profile.name},OU={profile.version},O={profile.account}",
                days=self._days_left(now),
                passphrase=self._secret,
                now=now,
            )
            announce((issued.certificate, *issued.issuers))
            certificate = certificate_pem(issued.certificate)
            write_key_file(self._issued_path(tbs_hash(issued.certificate)), certificate, force=True)
            write_key_file(self._signer_path(profile), pem + certificate, force=True)
        except OSError as error:
            message = f"cannot write into the issuing chain {str(self._home)!r}: {error.strerror}"
            raise StoreError("IssuerUnwritable", message, path=str(self._home)) from error
        finally:
            with suppress(OSError):
                new_key.unlink()
        return Material(str(profile), signer, issued.certificate, issued.issuers)

    def knows(self, certificate: str, parent: str) -> bool:
        """Tell whether a certificate of this chain, and its issuer's, have these hashes."""
        if certificate in (self._root_hash, self._issuing_hash):
            return parent == self._root_hash
        return parent == self._issuing_hash and self._issued_path(certificate).exists()

    def _days_left(self, now: datetime) -> int:
        begins, ends = self.issuing.not_valid_before_utc, self.issuing.not_valid_after_utc
        days = min(SIGNER_DAYS, (ends - now).days)
        if days < 1 or now < begins:
            message = f"expected an issuing CA that is valid now, got one from {begins:%Y-%m-%d} to {ends:%Y-%m-%d}"
            raise ExpiredError("IssuerExpired", message, hint="iotsign key rotate-issuer makes another")
        return days

    def _signer_path(self, profile: ProfileArn) -> Path:
        return self._home / _SIGNERS / f"{profile.account}-{profile.name}-{profile.version}.pem"

    def _issued_path(self, tbs: str) -> Path:
        return self._home / _ISSUED / f"{tbs}.pem"


def signs_at(material: Material, now: datetime) -> bool:
    """Tell whether a signer's certificate is valid, and need not be renewed."""
    found = material.certificate
    if found is None:
        return False
    begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    return begins <= now < begins + (ends - begins) * 2 / 3


def tbs_hash(certificate: "Certificate") -> str:
    """SHA-384, in hex, of what is signed in a certificate."""
    return sha384(certificate.tbs_certificate_bytes).hexdigest()
