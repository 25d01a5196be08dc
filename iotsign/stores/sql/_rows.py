"""Profiles and jobs as rows, and back."""

import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from iotsign.signer import (
    JobRevocation,
    JobStatus,
    Overrides,
    Permission,
    Policy,
    ProfileArn,
    ProfileRevocation,
    ProfileStatus,
    SigningJob,
    SigningProfile,
    SourceObject,
    TargetObject,
    Validity,
)

_dump: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """A time as the tables hold it."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(value: int) -> datetime:
    """A time as the tables held it."""
    return _EPOCH + timedelta(microseconds=value)


def profile_row(profile: SigningProfile) -> dict[str, Any]:
    """A profile as a row."""
    document = {
        "version": profile.version,
        "region": profile.arn.region,
        "displayName": profile.platform_display_name,
        "createdAt": to_microseconds(profile.created_at),
        "certificate": profile.certificate_arn,
        "validity": [profile.validity.value, profile.validity.unit] if profile.validity else None,
        "overrides": _overrides(profile.overrides),
        "parameters": dict(profile.parameters),
        "statusReason": profile.status_reason,
        "tags": dict(profile.tags),
        "revocation": _profile_revocation(profile.revocation),
        "policy": _policy(profile.policy),
    }
    return {
        "account": profile.account,
        "name": profile.name,
        "status": profile.status.value,
        "platform_id": profile.platform_id,
        "document": _dump(document),
    }


@lru_cache(maxsize=256)  # the same few profiles sign again and again
def read_profile(row: Any) -> SigningProfile:
    """A row as a profile."""
    document = json.loads(row.document)
    validity, revocation, policy = document["validity"], document["revocation"], document["policy"]
    return SigningProfile(
        account=row.account,
        name=row.name,
        version=document["version"],
        arn=ProfileArn(document["region"], row.account, row.name),
        platform_id=row.platform_id,
        platform_display_name=document["displayName"],
        created_at=from_microseconds(document["createdAt"]),
        certificate_arn=document["certificate"],
        validity=Validity(*validity) if validity else None,
        overrides=Overrides(*document["overrides"]),
        parameters=document["parameters"],
        status=ProfileStatus(row.status),
        status_reason=document["statusReason"],
        tags=document["tags"],
        revocation=ProfileRevocation(
            from_microseconds(revocation[0]), from_microseconds(revocation[1]), revocation[2], revocation[3]
        )
        if revocation
        else None,
        policy=Policy(policy[0], tuple(Permission(*statement) for statement in policy[1])) if policy else None,
    )


def job_row(job: SigningJob) -> dict[str, Any]:
    """A job as a row."""
    document = {
        "profile": [job.profile_name, job.profile_version],
        "displayName": job.platform_display_name,
        "source": [job.source.bucket, job.source.key, job.source.version] if job.source else None,
        "target": [job.target.bucket, job.target.key] if job.target else None,
        "certificate": job.certificate_arn,
        "overrides": _overrides(job.overrides),
        "parameters": dict(job.parameters),
        "statusReason": job.status_reason,
        "completedAt": to_microseconds(job.completed_at) if job.completed_at else None,
        "revocation": [job.revocation.reason, job.revocation.revoked_by] if job.revocation else None,
        "requestId": job.request_id,
        "requestDigest": job.request_digest,
        "signedDigest": job.signed_digest,
    }
    return {
        "job_id": job.job_id,
        "owner": job.owner,
        "invoker": job.invoker,
        "requested_by": job.requested_by,
        "platform_id": job.platform_id,
        "status": job.status.value,
        "created_at": to_microseconds(job.created_at),
        "expires_at": to_microseconds(job.signature_expires_at) if job.signature_expires_at else None,
        "revoked_at": to_microseconds(job.revocation.revoked_at) if job.revocation else None,
        "token": job.token,
        "worker": job.worker,
        "claimed_at": to_microseconds(job.claimed_at) if job.claimed_at else 0,
        "document": _dump(document),
    }


def read_job(row: Any) -> SigningJob:
    """A row as a job."""
    document = json.loads(row.document)
    completed_at, revocation = document["completedAt"], document["revocation"]
    return SigningJob(
        job_id=row.job_id,
        owner=row.owner,
        invoker=row.invoker,
        requested_by=row.requested_by,
        profile_name=document["profile"][0],
        profile_version=document["profile"][1],
        platform_id=row.platform_id,
        platform_display_name=document["displayName"],
        created_at=from_microseconds(row.created_at),
        source=SourceObject(*document["source"]) if document["source"] else None,
        target=TargetObject(*document["target"]) if document["target"] else None,
        certificate_arn=document["certificate"],
        overrides=Overrides(*document["overrides"]),
        parameters=document["parameters"],
        status=JobStatus(row.status),
        status_reason=document["statusReason"],
        completed_at=from_microseconds(completed_at) if completed_at is not None else None,
        signature_expires_at=from_microseconds(row.expires_at) if row.expires_at is not None else None,
        revocation=JobRevocation(revocation[0], from_microseconds(row.revoked_at), revocation[1])
        if revocation
        else None,
        token=row.token,
        request_id=document.get("requestId", ""),  # older jobs have none
        request_digest=document["requestDigest"],
        worker=row.worker,
        claimed_at=from_microseconds(row.claimed_at) if row.claimed_at else None,
        signed_digest=document["signedDigest"],
    )


def _overrides(overrides: Overrides) -> list[str | None]:
    return [overrides.encryption, overrides.hash, overrides.image_format]


def _profile_revocation(revocation: ProfileRevocation | None) -> list[Any] | None:
    if revocation is None:
        return None
    times = [to_microseconds(revocation.effective_from), to_microseconds(revocation.revoked_at)]
    return [*times, revocation.revoked_by, revocation.reason]


def _policy(policy: Policy | None) -> list[Any] | None:
    if policy is None:
        return None
    statements = [
        [statement.statement_id, statement.action, statement.principal, statement.profile_version]
        for statement in policy.permissions
    ]
    return [policy.revision_id, statements]
