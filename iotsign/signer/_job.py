"""Signing jobs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Any

from iotsign.signer._arns import JobArn
from iotsign.signer._profile import Overrides

_NOTHING: Mapping[str, str] = MappingProxyType({})


class JobStatus(Enum):
    """Life of a job; the value is AWS's word."""

    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    SUCCEEDED = "Succeeded"


@dataclass(frozen=True, slots=True)
class SourceObject:
    """The one version of an object that a job signs.

    Attributes:
        bucket: Bucket name.
        key: Object key.
        version: Object version.
    """

    bucket: str
    key: str
    version: str

    def to_aws(self) -> dict[str, Any]:
        """Give AWS's structure."""
        return {"s3": {"bucketName": self.bucket, "key": self.key, "version": self.version}}


@dataclass(frozen=True, slots=True)
class TargetObject:
    """Where the signed object goes.

    Attributes:
        bucket: Bucket name.
        key: Object key.
    """

    bucket: str
    key: str

    def to_aws(self) -> dict[str, Any]:
        """Give AWS's structure."""
        return {"s3": {"bucketName": self.bucket, "key": self.key}}


@dataclass(frozen=True, slots=True)
class JobRevocation:
    """That a job's signature is not to be trusted.

    Attributes:
        reason: Why.
        revoked_at: When it was said.
        revoked_by: Who said it.
    """

    reason: str
    revoked_at: datetime
    revoked_by: str


@dataclass(frozen=True, slots=True)
class SigningJob:
    """A signing job.

    Attributes:
        job_id: UUIDv4.
        owner: Account of the profile.
        invoker: Account that asked.
        requested_by: Principal that asked.
        profile_name: The profile.
        profile_version: Its version.
        platform_id: The signing platform.
        platform_display_name: Its name for people.
        created_at: When it was accepted.
        source: What is signed; None where the payload came with the request.
        target: Where the signed object goes; None where it went back with the answer.
        certificate_arn: The signing material; None where the service's own chain signs.
        overrides: The profile's.
        parameters: The profile's signing parameters.
        status: How far it is.
        status_reason: Why it is that far.
        completed_at: When it ended.
        signature_expires_at: None on platforms without validity.
        revocation: None unless the signature was revoked.
        request_id: The request that asked for it; empty if it is not known.
        token: The client's request token; unique for the invoker.
        request_digest: SHA-256 of what was asked for, to tell requests with one token apart.
        worker: The process that works on it.
        claimed_at: Since when.
        signed_digest: SHA-256, in hex, of the signed object, from the moment on that it may be released.
    """

    job_id: str
    owner: str
    invoker: str
    requested_by: str
    profile_name: str
    profile_version: str
    platform_id: str
    platform_display_name: str
    created_at: datetime
    source: SourceObject | None = None
    target: TargetObject | None = None
    certificate_arn: str | None = None
    overrides: Overrides = field(default_factory=Overrides)
    parameters: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    status: JobStatus = JobStatus.IN_PROGRESS
    status_reason: str | None = None
    completed_at: datetime | None = None
    signature_expires_at: datetime | None = None
    revocation: JobRevocation | None = None
    request_id: str = ""
    token: str = ""
    request_digest: str = ""
    worker: str = ""
    claimed_at: datetime | None = None
    signed_digest: str | None = None

    def arn(self, region: str) -> JobArn:
        """The job's ARN."""
        return JobArn(region, self.owner, self.job_id)

    def summary(self) -> dict[str, Any]:
        """Give the members that ListSigningJobs shows."""
        members = {
            "jobId": self.job_id,
            "source": self.source.to_aws() if self.source else None,
            "signedObject": self._signed_object(),
            "signingMaterial": self._material(),
            "createdAt": self.created_at,
            "status": self.status.value,
            "isRevoked": self.revocation is not None,
            "profileName": self.profile_name,
            "profileVersion": self.profile_version,
            "platformId": self.platform_id,
            "platformDisplayName": self.platform_display_name,
            "signatureExpiresAt": self.signature_expires_at,
            "jobOwner": self.owner,
            "jobInvoker": self.invoker,
        }
        return {name: value for name, value in members.items() if value is not None}

    def to_aws(self) -> dict[str, Any]:
        """Give the members of DescribeSigningJob's answer."""
        revocation = self.revocation and {
            "reason": self.revocation.reason,
            "revokedAt": self.revocation.revoked_at,
            "revokedBy": self.revocation.revoked_by,
        }
        members = self.summary() | {
            "overrides": self.overrides.to_aws() or None,
            "signingParameters": dict(self.parameters) or None,
            "completedAt": self.completed_at,
            "requestedBy": self.requested_by,
            "statusReason": self.status_reason,
            "revocationRecord": revocation,
        }
        del members["isRevoked"]
        return {name: value for name, value in members.items() if value is not None}

    def _signed_object(self) -> dict[str, Any] | None:
        return self.target.to_aws() if self.target and self.status is JobStatus.SUCCEEDED else None

    def _material(self) -> dict[str, str] | None:
        return {"certificateArn": self.certificate_arn} if self.certificate_arn else None
