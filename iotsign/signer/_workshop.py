"""The work of a job: read what was pinned, intend, sign, verify, log, release.

Each step is on record before the next begins, so that a crash between two of them loses nothing and releases nothing
that is not in the log. What `recover` hands back is done again from the pinned version.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import IO, Final

from iotsign import core
from iotsign.algorithms import HashAlgorithm
from iotsign.errors import (
    ConfigError,
    ConflictError,
    FormatError,
    IotsignError,
    KeyFamilyError,
    ResourceNotFoundError,
    SignerError,
    StoreError,
    UntrustedImageError,
)
from iotsign.keys import verifying_once
from iotsign.signer._domain import Domain
from iotsign.signer._issuing import Issuing
from iotsign.signer._job import JobStatus, SigningJob, TargetObject
from iotsign.signer._key_use import KeyUse, RecordingSigner
from iotsign.signer._own_chain import claims_of, pack_zip
from iotsign.signer._packing import pack, signed_by_service
from iotsign.signer._ports import Material
from iotsign.signer._profile_rules import check_certificate

SUCCEEDED: Final = "Signing Succeeded"
LEASE: Final = timedelta(minutes=15)
"""How long a worker of which nothing is known may take for a job."""

_CONTENT_TYPE: Final = "application/octet-stream"
# what ends a job; everything else leaves it in progress, to be tried again
_FINAL: Final = (ConfigError, FormatError, KeyFamilyError, UntrustedImageError, SignerError)

IsGone = Callable[[str], bool]


class Workshop:
    """Works on accepted jobs."""

    def __init__(self, domain: Domain, is_gone: IsGone) -> None:
        self._domain = domain
        self._is_gone = is_gone
        self._use, self._issuing = KeyUse(domain), Issuing(domain)
        self._running: set[str] = set()
        self._lock = threading.Lock()

    def run(self, job_id: str) -> None:
        """Do the work of a job, once: a job that ended, or that somebody else works on, is left alone.

        Raises:
            ResourceNotFoundError: There is no such job.
            StoreError: A store failed; the job is still in progress and may be run again.
        """
        with self._lock:
            if job_id in self._running:
                return
            self._running.add(job_id)
        try:
            self._run(job_id)
        finally:
            with self._lock:
                self._running.discard(job_id)

    def recover(self) -> Sequence[str]:
        """Take over the jobs whose worker is gone, and name all that this worker has to run."""
        domain, found = self._domain, []
        with domain.records.reading() as transaction:
            jobs = transaction.unfinished_jobs()
        for job in jobs:
            if job.worker == domain.worker:
                found.append(job.job_id)
            elif self._is_lost(job):
                with domain.records.writing() as transaction:
                    if transaction.claim_job(job, domain.worker, domain.now()):
                        found.append(job.job_id)
        return found

    def _is_lost(self, job: SigningJob) -> bool:
        expired = job.claimed_at is None or abs(self._domain.now() - job.claimed_at) > LEASE
        return expired or self._is_gone(job.worker)

    def _run(self, job_id: str) -> None:
        domain = self._domain
        with domain.records.reading() as transaction:
            job = transaction.job(job_id)
        if job is None:
            raise ResourceNotFoundError("JobNotFound", f"Signing job {job_id} not found", job=job_id)
        if job.status is not JobStatus.IN_PROGRESS or job.worker != domain.worker or job.target is None:
            return
        try:
            self._make(job, job.target)
        except _FINAL as error:
            self._fail(job, error)

    def _make(self, job: SigningJob, target: TargetObject) -> None:
        domain = self._domain
        if job.signed_digest is None or domain.objects.digest(target) != job.signed_digest:
            job = self._sign(job, target)
        domain.on_step("released", job.job_id)
        done = replace(job, status=JobStatus.SUCCEEDED, status_reason=SUCCEEDED, completed_at=domain.now())
        self._advance(done)
        domain.on_step("succeeded", job.job_id)

    def _sign(self, job: SigningJob, target: TargetObject) -> SigningJob:
        domain = self._domain
        platform = domain.platform(job.platform_id)
        own_chain = signed_by_service(platform)
        material = self._issuing.material(job) if own_chain else self._material(job)
        check_certificate(material, platform, domain.now())
        if job.source is None:
            raise ResourceNotFoundError("SourceMissing", f"Signing job {job.job_id} has no source", job=job.job_id)
        with domain.objects.open_version(job.source) as source, domain.objects.stage() as staged, verifying_once():
            domain.on_step("pinned", job.job_id)
            signer = RecordingSigner(self._use, job, material)
            if own_chain:
                pack_zip(source, staged, signer, material, claims_of(job, domain.region, domain.now()))
            else:
                pack(job, platform, source, staged, signer)
            signed = replace(job, signed_digest=_digest(staged))
            self._use.record_outcome("SigningSucceeded", job, signedObjectSha256=signed.signed_digest)
            domain.on_step("logged", job.job_id)
            self._advance(signed)
            if not domain.objects.put_if_absent(target, staged, content_type=_CONTENT_TYPE):
                message = f"The destination {target.bucket}/{target.key} already exists"
                raise ConflictError("DestinationExists", message, bucket=target.bucket, key=target.key)
        return signed

    def _material(self, job: SigningJob) -> Material:
        material = self._domain.materials.find(job.certificate_arn) if job.certificate_arn else None
        if material is None:
            message = f"Certificate {job.certificate_arn} not found"
            raise ResourceNotFoundError("CertificateNotFound", message, certificate=job.certificate_arn)
        return material

    def _advance(self, job: SigningJob) -> None:
        if not self._domain.records.advance_job(job):
            message = f"job {job.job_id} was taken over by another worker"
            raise StoreError("JobLost", message, job=job.job_id)

    def _fail(self, job: SigningJob, error: IotsignError) -> None:
        self._use.record_outcome("SigningFailed", job, code=error.code, reason=error.message)
        failed = replace(job, status=JobStatus.FAILED, status_reason=error.message, completed_at=self._domain.now())
        self._advance(failed)
        self._domain.on_step("failed", job.job_id)


def _digest(staged: IO[bytes]) -> str:
    digest, _ = core.hash_file(staged.fileno(), HashAlgorithm.SHA256, offset=0)
    return digest.hex()
