"""What the domain needs of the world; `iotsign.stores` has it for files, databases and object stores."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any, Protocol

from iotsign.signer._arns import ProfileArn
from iotsign.signer._job import JobRevocation, JobStatus, SigningJob, SourceObject, TargetObject
from iotsign.signer._profile import ProfileStatus, SigningProfile

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from iotsign.keys import Signer


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """The time, aware, in UTC."""


@dataclass(frozen=True, slots=True)
class ProfileQuery:
    """Which profiles of an account to list, by name.

    Attributes:
        account: Whose.
        statuses: Of these statuses.
        platform_id: For this platform; None for any.
        after: Behind this name; None from the beginning.
        limit: At most so many.
    """

    account: str
    statuses: tuple[ProfileStatus, ...]
    platform_id: str | None
    after: str | None
    limit: int


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs to list, newest first; None does not filter.

    Attributes:
        owner: Account of the profile.
        invoker: Account that asked.
        since: Created at this moment or later.
        status: Of this status.
        platform_id: For this platform.
        requested_by: Of this principal.
        revoked: Revoked or not.
        expires_after: Signatures that expire after this moment.
        expires_before: Signatures that expire before this moment; with either, the last to expire come first.
        after: Behind the job with this time (of creation, or of expiry) and id.
        limit: At most so many.
    """

    owner: str | None
    invoker: str | None
    since: datetime
    status: JobStatus | None
    platform_id: str | None
    requested_by: str | None
    revoked: bool | None
    expires_after: datetime | None
    expires_before: datetime | None
    after: tuple[datetime, str] | None
    limit: int

    @property
    def by_expiry(self) -> bool:
        """Whether the time that orders the jobs is that of expiry."""
        return self.expires_after is not None or self.expires_before is not None


class ReadTransaction(Protocol):
    """One consistent look at the records."""

    def profile(self, account: str, name: str) -> SigningProfile | None:
        """Find a profile. In a writing transaction nobody else changes it before the end."""

    def profiles(self, query: ProfileQuery) -> Sequence[SigningProfile]:
        """List profiles."""

    def job(self, job_id: str) -> SigningJob | None:
        """Find a job."""

    def job_by_token(self, invoker: str, token: str) -> SigningJob | None:
        """Find the job that an account asked for with a request token."""

    def jobs(self, query: JobQuery) -> Sequence[SigningJob]:
        """List jobs."""

    def unfinished_jobs(self) -> Sequence[SigningJob]:
        """List the jobs in progress, oldest first."""

    def revoked_jobs(self) -> Sequence[SigningJob]:
        """List the jobs whose signature was revoked, oldest first."""

    def revoked_profiles(self) -> Sequence[SigningProfile]:
        """List the profiles that were revoked."""


class Transaction(ReadTransaction, Protocol):
    """Changes that happen together or not at all."""

    def add_profile(self, profile: SigningProfile) -> bool:
        """Add a profile; False if the name is taken."""

    def save_profile(self, profile: SigningProfile) -> None:
        """Store a profile that was read in this transaction."""

    def claim_job(self, job: SigningJob, worker: str, claimed_at: datetime) -> bool:
        """Take a job over from its worker; False if it ended or somebody else did."""

    def revoke_job(self, job_id: str, revocation: JobRevocation) -> bool:
        """Revoke the signature of a job that succeeded; False if it has been."""


class Records(Protocol):
    """The store of profiles and jobs. Failures of the store are StoreError."""

    def reading(self) -> AbstractContextManager[ReadTransaction]:
        """Begin to read; each question sees what is there when it is asked."""

    def writing(self) -> AbstractContextManager[Transaction]:
        """Begin to change; an exception undoes everything. Writers come one after the other."""

    def add_job(self, job: SigningJob) -> bool:
        """Add a job; False if its invoker has used its token before."""

    def advance_job(self, job: SigningJob) -> bool:
        """Store how far a job is; False if it is no longer in progress with its worker."""


@dataclass(frozen=True, slots=True)
class BucketHead:
    """What is known of a bucket.

    Attributes:
        owner: Account that it belongs to; None if the store does not know accounts.
        versioned: Whether it keeps versions now.
    """

    owner: str | None
    versioned: bool


class ObjectStore(Protocol):
    """Buckets of objects. What is not there is ResourceNotFoundError, a store that fails is StoreError."""

    def bucket(self, name: str) -> BucketHead:
        """Look at a bucket."""

    def size(self, source: SourceObject) -> int:
        """Size of one version of an object, in bytes."""

    def open_version(self, source: SourceObject) -> AbstractContextManager[IO[bytes]]:
        """Open one version of an object: a file with a descriptor, at its beginning, that nobody changes."""

    def stage(self) -> AbstractContextManager[IO[bytes]]:
        """Give an empty file, with a descriptor, for an object that may be put; what is not put vanishes."""

    def put_if_absent(self, target: TargetObject, staged: IO[bytes], *, content_type: str) -> bool:
        """Make an object of a staged file; False, and nothing happens, if there is one of that key."""

    def digest(self, target: TargetObject) -> str | None:
        """SHA-256, in hex, of an object as it is now; None if there is none."""


@dataclass(frozen=True)
class Material:
    """What a profile signs with.

    Attributes:
        arn: Its name; that of the profile version where the service's own chain signs.
        signer: The private key.
        certificate: The signer's own; None for a bare key.
        issuers: What leads from it to a root.
    """

    arn: str
    signer: "Signer"
    certificate: "Certificate | None"
    issuers: "tuple[Certificate, ...]" = ()

    @cached_property
    def name(self) -> dict[str, str]:
        """What the audit log calls it: its ARN, or where the service's own chain signs, the certificate's SHA-256."""
        if self.certificate is None or not ProfileArn.parse(self.arn):
            return {"certificateArn": self.arn}
        return {"certificateSha256": fingerprint(self.certificate)}


class Materials(Protocol):
    """Private keys and certificates that were imported."""

    def find(self, arn: str) -> Material | None:
        """Find material by its ARN; None if there is none.

        Raises:
            KeyFamilyError: It is there and cannot be used.
            StoreError: The store fails.
        """


def fingerprint(certificate: "Certificate") -> str:
    """SHA-256, in hex, of a certificate."""
    from cryptography.hazmat.primitives.hashes import SHA256

    return certificate.fingerprint(SHA256()).hex()


Announce = Callable[[tuple["Certificate", ...]], None]
"""Told of new certificates, the newest first and a root last, before they are kept; what it refuses is not kept."""


class Issuer(Protocol):
    """The service's own certificate authority: chains of a root and an issuing CA, the last of which issues."""

    def establish(self, now: datetime, announce: Announce) -> bool:
        """Make the first chain; False if there is one.

        Raises:
            KeyFamilyError: Keys cannot be encrypted.
            StoreError: The store fails.
        """

    def rotate(self, now: datetime, announce: Announce) -> None:
        """Make another chain, which issues from now on; what the others issued stays known.

        Raises:
            KeyFamilyError: Keys cannot be encrypted.
            StoreError: There is no chain yet, or the store fails.
        """

    def signer(self, profile: ProfileArn, now: datetime, announce: Announce) -> Material | None:
        """Give what signs for a profile version, issued before or now; None if there is no chain.

        Raises:
            ExpiredError: The chain has expired.
            KeyFamilyError: A key is there and cannot be used.
            StoreError: The store fails.
        """

    def knows(self, certificate_hash: str) -> bool:
        """Tell whether a certificate is one of a chain, or was issued by it.

        Args:
            certificate_hash: SHA-384, in hex, of its TBSCertificate, then that of its issuer's; a root's twice.

        Raises:
            StoreError: The store fails.
        """

    def roots(self) -> "Sequence[Certificate]":
        """Give the root of every chain, oldest first.

        Raises:
            KeyFamilyError: A certificate cannot be read.
            StoreError: The store fails.
        """


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """Something that has to be on record.

    Attributes:
        event: What happened, CamelCase.
        time: When.
        subject: ARN of what it is about; ``issuer`` for the service's own certificate authority.
        account: Of the caller; of the owner where the service acts by itself.
        principal: The caller.
        request_id: The request, if there was one.
        details: Plain data for JSON.
    """

    event: str
    time: datetime
    subject: str
    account: str
    principal: str
    request_id: str
    details: Mapping[str, Any]


class AuditLog(Protocol):
    """The record of what was done with keys."""

    def append(self, event: AuditEvent, *, durable: bool = True) -> None:
        """Add an event, for good.

        Args:
            event: What happened.
            durable: Whether it must outlast a power cut when this returns; if not, it does when a later one does.

        Raises:
            StoreError: It is not on record, so what it is about must not happen.
        """
