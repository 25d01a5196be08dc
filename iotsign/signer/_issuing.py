"""The service's own chain: who signs on platforms whose profiles bring no certificate.

What is made is on record before it is kept.
"""

from typing import TYPE_CHECKING, Final

from iotsign.errors import StoreError
from iotsign.signer._arns import ProfileArn
from iotsign.signer._domain import Domain
from iotsign.signer._job import SigningJob
from iotsign.signer._ports import AuditEvent, Material, fingerprint

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_SUBJECT: Final = "issuer"
_SERVICE: Final = "service"


class Issuing:
    """Makes the chain, rotates it, and has it issue certificates."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    def establish(self) -> bool:
        """Make the first chain; False if there is one.

        Raises:
            KeyFamilyError: Its keys cannot be encrypted.
            StoreError: It is not on record, or the store fails.
        """
        domain = self._domain
        return domain.issuer.establish(domain.now(), lambda chain: self._record_chain("IssuerCreated", _SERVICE, chain))

    def rotate(self, principal: str) -> None:
        """Make another chain, which issues from now on.

        Args:
            principal: Who asks for it.

        Raises:
            KeyFamilyError: Its keys cannot be encrypted.
            StoreError: There is no chain, the new one is not on record, or the store fails.
        """
        domain = self._domain
        domain.issuer.rotate(domain.now(), lambda chain: self._record_chain("IssuerRotated", principal, chain))

    def material(self, job: SigningJob) -> Material:
        """Give what signs for the profile version of a job.

        Raises:
            ExpiredError: The issuing CA has expired.
            KeyFamilyError: A key cannot be used.
            StoreError: A new certificate is not on record, or the store fails.
        """
        domain = self._domain
        profile = ProfileArn(domain.region, job.owner, job.profile_name, job.profile_version)

        def announce(chain: "tuple[Certificate, ...]") -> None:
            self._record("CertificateIssued", str(profile), job.invoker, job.requested_by, chain, job.request_id)

        found = domain.issuer.signer(profile, domain.now(), announce)
        if found is None:
            self.establish()
            found = domain.issuer.signer(profile, domain.now(), announce)
        if found is None:
            raise StoreError("NoIssuer", "the issuing chain that was just made is gone")
        return found

    def _record_chain(self, event: str, principal: str, chain: "tuple[Certificate, ...]") -> None:
        self._record(event, _SUBJECT, "", principal, chain)

    def _record(
        self,
        event: str,
        subject: str,
        account: str,
        principal: str,
        chain: "tuple[Certificate, ...]",
        request_id: str = "",
    ) -> None:
        newest, root = chain[0], chain[-1]
        details = {
            "certificateSha256": fingerprint(newest),
            "serialNumber": f"{newest.serial_number:x}",
            "notAfter": newest.not_valid_after_utc.isoformat(),
            "rootSha256": fingerprint(root),
        }
        self._domain.audit.append(
            AuditEvent(event, self._domain.now(), subject, account, principal, request_id, details)
        )
