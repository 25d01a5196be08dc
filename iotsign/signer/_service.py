"""The service: one door for all operations, and the work behind them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from iotsign.errors import ValidationError
from iotsign.formats.revocations import RevocationList
from iotsign.platforms import Registry
from iotsign.signer._caller import Caller
from iotsign.signer._domain import Domain, StepObserver
from iotsign.signer._issuing import Issuing
from iotsign.signer._job_operations import JobOperations
from iotsign.signer._payload_operations import PayloadOperations
from iotsign.signer._permission_operations import PermissionOperations
from iotsign.signer._platform_operations import PlatformOperations
from iotsign.signer._ports import AuditLog, Clock, Issuer, Materials, ObjectStore, Records
from iotsign.signer._profile_operations import ProfileOperations
from iotsign.signer._revocation_operations import RevocationOperations
from iotsign.signer._tag_operations import TagOperations
from iotsign.signer._workshop import IsGone, Workshop

_Operation = Callable[[Caller, Mapping[str, Any], str], dict[str, Any]]


def _nobody_looks(step: str, job_id: str) -> None:
    """Let a step pass unobserved."""


def _never_gone(worker: str) -> bool:  # noqa: ARG001
    return False


class SigningService:
    """AWS Signer's operations over the stores it is given; safe for use by many threads.

    Args:
        records: Profiles and jobs.
        objects: What is signed, and where it goes.
        materials: Keys and certificates.
        issuer: The service's own certificate authority.
        audit: What was done with keys.
        platforms: The signing platforms.
        clock: The time.
        region: AWS region that stands in ARNs.
        worker: This process, as other processes know it; jobs that it accepts are its own to run.
        is_gone: Tells whether another worker is known to have ended; its jobs are then taken over at once.
        on_step: Told each step of a job after it was taken, for example for metrics: ``accepted``, ``pinned``,
            ``intended``, ``signed``, ``verified``, ``logged``, ``released``, ``succeeded``, ``failed``; and the job.
    """

    def __init__(
        self,
        *,
        records: Records,
        objects: ObjectStore,
        materials: Materials,
        issuer: Issuer,
        audit: AuditLog,
        platforms: Registry,
        clock: Clock,
        region: str,
        worker: str = "service",
        is_gone: IsGone = _never_gone,
        on_step: StepObserver = _nobody_looks,
    ) -> None:
        domain = Domain(records, objects, materials, issuer, audit, platforms, clock, region, worker, on_step)
        self._workshop, self._issuing = Workshop(domain, is_gone), Issuing(domain)
        self._revocations = RevocationOperations(domain)
        self._operations = _operations(domain) | {"GetRevocationStatus": self._revocations.status}

    @property
    def operations(self) -> tuple[str, ...]:
        """The names of all operations, as AWS spells them, sorted."""
        return tuple(sorted(self._operations))

    def call(self, caller: Caller, operation: str, request: Mapping[str, Any], *, request_id: str) -> dict[str, Any]:
        """Answer one request.

        Args:
            caller: Who asks, authenticated.
            operation: What for, as AWS spells it.
            request: The members of the input shape, as botocore's parsers give them; required members, limits, patterns
                and enums have been checked.
            request_id: Names the request in the audit log.

        Returns:
            The members of the output shape.

        Raises:
            SignerError: The request is refused.
            StoreError: A store failed, the audit log included.
            IotsignError: A key or platform cannot be used.
        """
        found = self._operations.get(operation)
        if found is None:
            raise ValidationError("UnknownOperation", f"expected an operation of AWS Signer, got {operation!r}")
        return found(caller, request, request_id)

    def run_job(self, job_id: str) -> None:
        """Do the work of an accepted job; a job that ended, or that another worker has, is left alone.

        Raises:
            ResourceNotFoundError: There is no such job.
            StoreError: A store failed; the job is still in progress and may be run again.
        """
        self._workshop.run(job_id)

    def recover(self) -> Sequence[str]:
        """Name the unfinished jobs that this worker has to run, those of workers that are gone included.

        Raises:
            StoreError: The records cannot be read.
        """
        return self._workshop.recover()

    def establish_issuer(self) -> bool:
        """Make the service's own chain, unless there is one; otherwise that happens when it is first needed.

        Returns:
            Whether it was made.

        Raises:
            KeyFamilyError: Its keys cannot be encrypted.
            StoreError: It is not on record, or the store fails.
        """
        return self._issuing.establish()

    def rotate_issuer(self, principal: str) -> None:
        """Let another root and issuing CA issue from now on; what was signed before stays good.

        Args:
            principal: Who asks for it, for the audit log.

        Raises:
            KeyFamilyError: Its keys cannot be encrypted.
            StoreError: There is no chain yet, the new one is not on record, or the store fails.
        """
        self._issuing.rotate(principal)

    def export_revocations(self, valid_for: timedelta) -> RevocationList:
        """List all signatures and profiles that were revoked.

        Args:
            valid_for: How long what is not on the list counts as not revoked.

        Raises:
            StoreError: The records cannot be read.
        """
        return self._revocations.export(valid_for)


def _operations(domain: Domain) -> dict[str, _Operation]:
    profiles, jobs, tags = ProfileOperations(domain), JobOperations(domain), TagOperations(domain)
    permissions, platforms = PermissionOperations(domain), PlatformOperations(domain)
    return {
        "AddProfilePermission": permissions.add,
        "CancelSigningProfile": profiles.cancel,
        "DescribeSigningJob": jobs.describe,
        "GetSigningPlatform": platforms.get,
        "GetSigningProfile": profiles.get,
        "ListProfilePermissions": permissions.list,
        "ListSigningJobs": jobs.list,
        "ListSigningPlatforms": platforms.list,
        "ListSigningProfiles": profiles.list,
        "ListTagsForResource": tags.list,
        "PutSigningProfile": profiles.put,
        "RemoveProfilePermission": permissions.remove,
        "RevokeSignature": jobs.revoke,
        "RevokeSigningProfile": profiles.revoke,
        "SignPayload": PayloadOperations(domain).sign,
        "StartSigningJob": jobs.start,
        "TagResource": tags.tag,
        "UntagResource": tags.untag,
    }
