"""What every operation stands on."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from iotsign.errors import AccessDeniedError, ResourceNotFoundError
from iotsign.platforms import Platform, Registry
from iotsign.signer._caller import Caller
from iotsign.signer._ports import AuditEvent, AuditLog, Clock, Issuer, Materials, ObjectStore, ReadTransaction, Records
from iotsign.signer._profile import SigningProfile

StepObserver = Callable[[str, str], None]


@dataclass(frozen=True)
class Domain:
    """The ports, and what the service knows of itself.

    Attributes:
        records: Profiles and jobs.
        objects: What is signed, and where it goes.
        materials: Keys and certificates.
        issuer: The service's own certificate authority.
        audit: What was done with keys.
        registry: The signing platforms.
        clock: The time.
        region: AWS region that stands in ARNs.
        worker: This process, as other processes know it.
        on_step: Told each step of a job, after it was taken: the step and the job's id.
    """

    records: Records
    objects: ObjectStore
    materials: Materials
    issuer: Issuer
    audit: AuditLog
    registry: Registry
    clock: Clock
    region: str
    worker: str
    on_step: StepObserver

    def now(self) -> datetime:
        """The time."""
        return self.clock.now()

    def platform(self, platform_id: str) -> Platform:
        """Find a platform by its id.

        Raises:
            ResourceNotFoundError: There is none.
        """
        if platform_id not in self.all_platforms:
            message = f"Signing platform {platform_id} not found"
            raise ResourceNotFoundError("PlatformNotFound", message, platform=platform_id)
        return self.all_platforms[platform_id]

    @cached_property
    def all_platforms(self) -> dict[str, Platform]:
        """All platforms by id; read once."""
        return {platform.platform_id: platform for platform in self.registry.list()}

    def record(self, event: str, caller: Caller, request_id: str, subject: object, **details: Any) -> None:
        """Put an event on record.

        Raises:
            StoreError: It is not on record.
        """
        self.audit.append(AuditEvent(event, self.now(), str(subject), caller.account, caller.arn, request_id, details))


def own_profile(transaction: ReadTransaction, caller: Caller, name: str) -> SigningProfile:
    """Find a profile of the caller's own account.

    Raises:
        ResourceNotFoundError: There is none.
    """
    profile = transaction.profile(caller.account, name)
    if profile is None:
        raise no_such_profile(name)
    return profile


def no_such_profile(name: str) -> ResourceNotFoundError:
    """Say that a profile does not exist."""
    return ResourceNotFoundError("ProfileNotFound", f"Signing profile {name} not found", profile=name)


def denied(caller: Caller, action: str, resource: object) -> AccessDeniedError:
    """Say that the caller may not do this, without a word on what exists."""
    message = f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource}"
    return AccessDeniedError("NotAuthorized", message, action=action)
