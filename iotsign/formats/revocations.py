"""Revocation lists: what a signing service no longer vouches for, to be looked up without asking it.

Layout: one JSON object, ``{"format":"iotsign-revocations-1","region":"…","issuedAt":N,"validUntil":N,``
``"jobs":[{"arn":"…","revokedAt":N,"reason":"…"}],"profileVersions":[{"arn":"…","effectiveFrom":N,"reason":"…"}]}``.
Times are seconds since 1970 in UTC, ``effectiveFrom`` rounded down, so that rounding never trusts more.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from iotsign.errors import ConfigError, MalformedImageError, RevokedError, VerificationIncompleteError
from iotsign.formats.jsonimage import load_object

__all__ = [
    "LARGEST_LIST",
    "RevocationList",
    "RevokedJob",
    "RevokedProfileVersion",
    "read_revocations",
    "write_revocations",
]

LARGEST_LIST: Final = 1 << 28
"""Bytes of a list; a million revocations."""
_FORMAT: Final = "iotsign-revocations-1"
_LATEST: Final = 253402300799  # the last second of the year 9999
_ROOT: Final[dict[str, type]] = {
    "format": str,
    "region": str,
    "issuedAt": int,
    "validUntil": int,
    "jobs": list,
    "profileVersions": list,
}
_JOB: Final[dict[str, type]] = {"arn": str, "revokedAt": int, "reason": str}
_PROFILE: Final[dict[str, type]] = {"arn": str, "effectiveFrom": int, "reason": str}


@dataclass(frozen=True, slots=True)
class RevokedJob:
    """A signature that is not to be trusted.

    Attributes:
        arn: Of its job.
        revoked_at: When that was said.
        reason: Why.
    """

    arn: str
    revoked_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class RevokedProfileVersion:
    """A profile whose signatures are not to be trusted if made from some moment on.

    Attributes:
        arn: Of the profile's version.
        effective_from: That moment.
        reason: Why.
    """

    arn: str
    effective_from: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class RevocationList:
    """All that a service has revoked.

    Attributes:
        region: AWS region of the service.
        issued_at: When the list was made.
        valid_until: From then on, what is not on it is unknown.
        jobs: Revoked signatures.
        profile_versions: Revoked profiles.
    """

    region: str
    issued_at: datetime
    valid_until: datetime
    jobs: tuple[RevokedJob, ...]
    profile_versions: tuple[RevokedProfileVersion, ...]

    def check(self, *, job_arn: str, profile_version_arn: str, signed_at: datetime, at: datetime) -> None:
        """Check that a signature has not been revoked.

        Args:
            job_arn: The job that made it.
            profile_version_arn: The profile it was made with.
            signed_at: When it was made.
            at: The time of the question.

        Raises:
            RevokedError: It has been; a list of any age can tell.
            VerificationIncompleteError: The list is stale, or another region's: whether it has been is not known.
        """
        # 1. What is on the list stays revoked, however old the list is.
        for job in self.jobs:
            if job.arn == job_arn:
                message = f"the signature was revoked at {job.revoked_at.isoformat()}: {job.reason}"
                raise RevokedError("SignatureRevoked", message, job=job_arn)
        for profile in self.profile_versions:
            if profile.arn == profile_version_arn and signed_at >= profile.effective_from:
                message = f"its profile was revoked from {profile.effective_from.isoformat()} on: {profile.reason}"
                raise RevokedError("ProfileRevoked", message, profile=profile_version_arn)
        # 2. The list is about this service, and young enough to say that something is not on it.
        for arn in (job_arn, profile_version_arn):
            if arn.split(":")[3:4] != [self.region]:
                message = f"the revocation list is about region {self.region}; {arn} is not on it and cannot be"
                raise VerificationIncompleteError("RevocationUnknown", message, arn=arn)
        if at >= self.valid_until:
            message = f"the revocation list is stale: it was valid until {self.valid_until.isoformat()}"
            hint = "export it again: iotsign audit export-revocations"
            raise VerificationIncompleteError("RevocationListStale", message, hint=hint)


def write_revocations(revocations: RevocationList) -> bytes:
    """Write a list.

    Raises:
        ConfigError: It is valid until before it was made.
    """
    if revocations.valid_until <= revocations.issued_at:
        raise ConfigError("BadValidity", "expected a revocation list that is valid for some time, got none")
    jobs = [
        {"arn": job.arn, "revokedAt": int(job.revoked_at.timestamp()), "reason": job.reason} for job in revocations.jobs
    ]
    profiles = [
        {"arn": profile.arn, "effectiveFrom": max(0, int(profile.effective_from.timestamp())), "reason": profile.reason}
        for profile in revocations.profile_versions
    ]
    value = {
        "format": _FORMAT,
        "region": revocations.region,
        "issuedAt": int(revocations.issued_at.timestamp()),
        "validUntil": int(revocations.valid_until.timestamp()),
        "jobs": jobs,
        "profileVersions": profiles,
    }
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def read_revocations(data: bytes) -> RevocationList:
    """Read a list strictly.

    Raises:
        MalformedImageError: It is not exactly such a list.
    """
    root = _members(load_object(data.removesuffix(b"\n"), limit=LARGEST_LIST), _ROOT, "the list")
    if root["format"] != _FORMAT:
        raise MalformedImageError("UnknownFormat", f"expected format {_FORMAT}, got {root['format'][:40]!r}")
    jobs = [_members(entry, _JOB, "jobs") for entry in root["jobs"]]
    profiles = [_members(entry, _PROFILE, "profileVersions") for entry in root["profileVersions"]]
    return RevocationList(
        region=root["region"],
        issued_at=_moment(root["issuedAt"]),
        valid_until=_moment(root["validUntil"]),
        jobs=tuple(RevokedJob(job["arn"], _moment(job["revokedAt"]), job["reason"]) for job in jobs),
        profile_versions=tuple(
            RevokedProfileVersion(profile["arn"], _moment(profile["effectiveFrom"]), profile["reason"])
            for profile in profiles
        ),
    )


def _members(value: Any, expected: dict[str, type], where: str) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != expected.keys():
        got = ", ".join(_shown(value)) if isinstance(value, dict) else type(value).__name__
        message = f"expected an object with {', '.join(expected)} in {where}, got {got or 'none'}"
        raise MalformedImageError("UnexpectedKeys", message[:400])
    for name, kind in expected.items():
        if type(value[name]) is not kind:
            got = type(value[name]).__name__
            raise MalformedImageError("UnexpectedType", f"expected {name} as {kind.__name__}, got {got}", key=name)
    return value


def _shown(names: Iterable[str]) -> list[str]:
    return [repr(name)[:40] for name in names]


def _moment(seconds: int) -> datetime:
    if seconds > _LATEST:
        raise MalformedImageError("BadTime", f"expected seconds up to {_LATEST}, got {seconds}")
    return datetime.fromtimestamp(seconds, UTC)
