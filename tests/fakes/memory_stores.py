"""The ports of the signing service in memory, for tests of the domain alone."""

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import IO

from iotsign.errors import ResourceNotFoundError, StoreError
from iotsign.signer import (
    AuditEvent,
    BucketHead,
    JobQuery,
    JobRevocation,
    JobStatus,
    Material,
    ProfileQuery,
    ProfileStatus,
    SigningJob,
    SigningProfile,
    SourceObject,
    TargetObject,
)


class SetClock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def move(self, step: timedelta) -> None:
        self.time += step


@dataclass
class MemoryRecords:
    """Profiles and jobs in dictionaries; one transaction at a time."""

    profiles_by_name: dict[tuple[str, str], SigningProfile] = field(default_factory=dict)
    jobs_by_id: dict[str, SigningJob] = field(default_factory=dict)

    @contextmanager
    def reading(self) -> Iterator["MemoryRecords"]:
        yield self

    @contextmanager
    def writing(self) -> Iterator["MemoryRecords"]:
        before = dict(self.profiles_by_name), dict(self.jobs_by_id)
        try:
            yield self
        except BaseException:
            self.profiles_by_name, self.jobs_by_id = before
            raise

    def profile(self, account: str, name: str) -> SigningProfile | None:
        return self.profiles_by_name.get((account, name))

    def profiles(self, query: ProfileQuery) -> Sequence[SigningProfile]:
        found = [
            profile
            for (account, name), profile in sorted(self.profiles_by_name.items())
            if account == query.account
            and profile.status in query.statuses
            and query.platform_id in (None, profile.platform_id)
            and (query.after is None or name > query.after)
        ]
        return found[: query.limit]

    def revoked_profiles(self) -> Sequence[SigningProfile]:
        return [
            profile for _, profile in sorted(self.profiles_by_name.items()) if profile.status is ProfileStatus.REVOKED
        ]

    def add_profile(self, profile: SigningProfile) -> bool:
        key = (profile.account, profile.name)
        return self.profiles_by_name.setdefault(key, profile) is profile

    def save_profile(self, profile: SigningProfile) -> None:
        self.profiles_by_name[profile.account, profile.name] = profile

    def job(self, job_id: str) -> SigningJob | None:
        return self.jobs_by_id.get(job_id)

    def job_by_token(self, invoker: str, token: str) -> SigningJob | None:
        return next((job for job in self.jobs_by_id.values() if (job.invoker, job.token) == (invoker, token)), None)

    def jobs(self, query: JobQuery) -> Sequence[SigningJob]:
        def time(job: SigningJob) -> datetime:
            return (job.signature_expires_at if query.by_expiry else None) or job.created_at

        wanted = (
            ("owner", query.owner),
            ("invoker", query.invoker),
            ("status", query.status),
            ("platform_id", query.platform_id),
            ("requested_by", query.requested_by),
        )
        found = [
            job
            for job in self.jobs_by_id.values()
            if all(value in (None, getattr(job, name)) for name, value in wanted)
            and job.created_at >= query.since
            and query.revoked in (None, job.revocation is not None)
            and _between(job.signature_expires_at, query)
            and (query.after is None or (time(job), job.job_id) < query.after)
        ]
        return sorted(found, key=lambda job: (time(job), job.job_id), reverse=True)[: query.limit]

    def unfinished_jobs(self) -> Sequence[SigningJob]:
        found = [job for job in self.jobs_by_id.values() if job.status is JobStatus.IN_PROGRESS]
        return sorted(found, key=lambda job: job.created_at)

    def revoked_jobs(self) -> Sequence[SigningJob]:
        return [job for job in self.jobs_by_id.values() if job.revocation]

    def add_job(self, job: SigningJob) -> bool:
        if self.job_by_token(job.invoker, job.token):
            return False
        self.jobs_by_id[job.job_id] = job
        return True

    def claim_job(self, job: SigningJob, worker: str, claimed_at: datetime) -> bool:
        return self._advance(job, replace(job, worker=worker, claimed_at=claimed_at))

    def advance_job(self, job: SigningJob) -> bool:
        return self._advance(job, job)

    def revoke_job(self, job_id: str, revocation: JobRevocation) -> bool:
        job = self.jobs_by_id.get(job_id)
        if job is None or job.revocation is not None:
            return False
        self.jobs_by_id[job_id] = replace(job, revocation=revocation)
        return True

    def _advance(self, seen: SigningJob, job: SigningJob) -> bool:
        there = self.jobs_by_id[seen.job_id]
        if there.status is not JobStatus.IN_PROGRESS or there.worker != seen.worker:
            return False
        self.jobs_by_id[seen.job_id] = job
        return True


def _between(expires_at: datetime | None, query: JobQuery) -> bool:
    if not query.by_expiry:
        return True
    if expires_at is None:
        return False
    after, before = query.expires_after, query.expires_before
    return (after is None or expires_at > after) and (before is None or expires_at < before)


@dataclass
class MemoryObjects:
    """Buckets of versions; each version is bytes."""

    heads: dict[str, BucketHead] = field(default_factory=dict)
    contents: dict[tuple[str, str], list[tuple[str, bytes]]] = field(default_factory=dict)

    def put(self, bucket: str, key: str, content: bytes) -> SourceObject:
        versions = self.contents.setdefault((bucket, key), [])
        versions.append((f"v{len(versions) + 1}", content))
        return SourceObject(bucket, key, versions[-1][0])

    def get(self, bucket: str, key: str) -> bytes:
        return self.contents[bucket, key][-1][1]

    def bucket(self, name: str) -> BucketHead:
        if name not in self.heads:
            raise ResourceNotFoundError("NoSuchBucket", f"The specified bucket does not exist: {name}")
        return self.heads[name]

    def size(self, source: SourceObject) -> int:
        return len(self._content(source))

    @contextmanager
    def open_version(self, source: SourceObject) -> Iterator[IO[bytes]]:
        with tempfile.TemporaryFile(buffering=0) as file:
            file.write(self._content(source))
            file.seek(0)
            yield file

    @contextmanager
    def stage(self) -> Iterator[IO[bytes]]:
        with tempfile.TemporaryFile(buffering=0) as file:
            yield file

    def put_if_absent(self, target: TargetObject, staged: IO[bytes], *, content_type: str) -> bool:
        assert content_type == "application/octet-stream"
        if (target.bucket, target.key) in self.contents:
            return False
        staged.seek(0, io.SEEK_SET)
        self.put(target.bucket, target.key, os.pread(staged.fileno(), 1 << 30, 0))
        return True

    def digest(self, target: TargetObject) -> str | None:
        versions = self.contents.get((target.bucket, target.key))
        return hashlib.sha256(versions[-1][1]).hexdigest() if versions else None

    def _content(self, source: SourceObject) -> bytes:
        self.bucket(source.bucket)
        for version, content in self.contents.get((source.bucket, source.key), []):
            if version == source.version:
                return content
        raise ResourceNotFoundError("NoSuchVersion", f"The specified version does not exist: {source.version}")


@dataclass
class MemoryMaterials:
    """Material by ARN."""

    known: dict[str, Material] = field(default_factory=dict)

    def find(self, arn: str) -> Material | None:
        return self.known.get(arn)


@dataclass
class MemoryAudit:
    """A list of events; it can be made to fail."""

    events: list[AuditEvent] = field(default_factory=list)
    broken: bool = False

    def append(self, event: AuditEvent, *, durable: bool = True) -> None:
        if self.broken:
            raise StoreError("ENOSPC", "the audit log cannot be written")
        self.events.append(event)

    def names(self) -> list[str]:
        return [event.event for event in self.events]
