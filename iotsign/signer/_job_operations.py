"""StartSigningJob, DescribeSigningJob, ListSigningJobs and RevokeSignature."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from iotsign.errors import ResourceNotFoundError, ValidationError
from iotsign.platforms import Platform
from iotsign.signer._arns import JobArn
from iotsign.signer._authorisation import grants, usable_profile
from iotsign.signer._caller import Caller
from iotsign.signer._domain import Domain, denied
from iotsign.signer._job import JobRevocation, JobStatus, SigningJob, SourceObject, TargetObject
from iotsign.signer._packing import signs_payloads, target_suffix
from iotsign.signer._pages import next_token, page_size, read_token
from iotsign.signer._ports import JobQuery, ReadTransaction
from iotsign.signer._profile import ProfileStatus, SigningProfile
from iotsign.signer._validity import expiry

_RETENTION: Final = timedelta(days=731)  # two years, one of which may be a leap year
_NULL_VERSION: Final = "null"


class JobOperations:
    """Signing jobs, from acceptance to revocation; `Workshop` does the work in between."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    def start(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Accept a job; the same token with the same request gives the same job, forever.

        Raises:
            ValidationError: The token was used for another request, the profile is not active, or source or destination
                cannot be used.
            ResourceNotFoundError: There is no such profile, bucket, object or version.
            AccessDeniedError: Profile or bucket are another account's, which did not grant this.
        """
        domain = self._domain
        token, digest = request["clientRequestToken"], _request_digest(request)
        with domain.records.reading() as transaction:
            known = transaction.job_by_token(caller.account, token)
            if known is not None:
                return _same(known, digest)
            profile = usable_profile(transaction, domain, caller, request, "signer:StartSigningJob")
        platform = signing_platform(domain, profile)
        if signs_payloads(platform):
            message = f"StartSigningJob is not supported for platform {platform.platform_id}; use SignPayload"
            raise ValidationError("OperationNotSupported", message, platform=platform.platform_id)
        source = self._pin(caller, request, platform)
        job_id = str(uuid.uuid4())
        target = self._target(caller, request, job_id + target_suffix(platform, source.key))
        job = new_job(
            domain,
            caller,
            profile,
            job_id,
            request_id=request_id,
            token=token,
            request_digest=digest,
            source=source,
            target=target,
        )
        if not domain.records.add_job(job):
            with domain.records.reading() as transaction:
                return _same(transaction.job_by_token(caller.account, token) or job, digest)
        domain.on_step("accepted", job_id)
        return _started(job)

    def describe(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:  # noqa: ARG002
        """Show a job to its owner or its invoker.

        Raises:
            ResourceNotFoundError: There is none that the caller may see.
        """
        with self._domain.records.reading() as transaction:
            job = transaction.job(request["jobId"])
        if job is None or caller.account not in (job.owner, job.invoker):
            raise _no_such_job(request["jobId"])
        return job.to_aws()

    def list(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:  # noqa: ARG002
        """List the account's jobs of the last two years, newest first.

        An account sees the jobs of its profiles; with its own number as ``jobInvoker`` those that it asked for, on
        whosever profiles.

        Raises:
            ValidationError: The token is not valid.
        """
        invoker = request.get("jobInvoker")
        after = read_token(request, request.get("nextToken"), 2)
        size = page_size(request)
        query = JobQuery(
            owner=None if invoker == caller.account else caller.account,
            invoker=invoker,
            since=self._domain.now() - _RETENTION,
            status=JobStatus(request["status"]) if request.get("status") else None,
            platform_id=request.get("platformId"),
            requested_by=request.get("requestedBy"),
            revoked=request.get("isRevoked"),
            expires_after=request.get("signatureExpiresAfter"),
            expires_before=request.get("signatureExpiresBefore"),
            after=(_moment(after[0]), after[1]) if after else None,
            limit=size + 1,
        )
        with self._domain.records.reading() as transaction:
            found = transaction.jobs(query)
        answer: dict[str, Any] = {"jobs": [job.summary() for job in found[:size]]}
        if len(found) > size:
            last = found[size - 1]
            time = last.signature_expires_at if query.by_expiry else None
            answer["nextToken"] = next_token(request, [(time or last.created_at).isoformat(), last.job_id])
        return answer

    def revoke(self, caller: Caller, request: Mapping[str, Any], request_id: str) -> dict[str, Any]:
        """Distrust the signature of a job.

        Raises:
            ResourceNotFoundError: There is no such job.
            ValidationError: The platform knows no revocation, the job has no signature, or it was revoked before.
            AccessDeniedError: The job is another account's, which did not grant this.
        """
        domain, job_id = self._domain, request["jobId"]
        owner = request.get("jobOwner") or caller.account
        with domain.records.writing() as transaction:
            job = self._revocable(transaction, caller, owner, job_id)
            if not domain.platform(job.platform_id).revocation_supported:
                message = f"Revocation is not supported for platform {job.platform_id}"
                raise ValidationError("RevocationNotSupported", message, platform=job.platform_id)
            if job.status is not JobStatus.SUCCEEDED:
                message = f"Signing job {job_id} has no signature to revoke: it is {job.status.value}"
                raise ValidationError("JobNotSucceeded", message, job=job_id)
            revocation = JobRevocation(request["reason"], domain.now(), caller.arn)
            if not transaction.revoke_job(job_id, revocation):
                message = f"The signature of job {job_id} has already been revoked"
                raise ValidationError("SignatureAlreadyRevoked", message, job=job_id)
            details = {"reason": revocation.reason, "profileVersion": job.profile_version}
            domain.record("SignatureRevoked", caller, request_id, job.arn(domain.region), **details)
        return {}

    def _revocable(self, transaction: ReadTransaction, caller: Caller, owner: str, job_id: str) -> SigningJob:
        job = transaction.job(job_id)
        found = job if job is not None and job.owner == owner else None
        if owner == caller.account:
            if found is None:
                raise _no_such_job(job_id)
            return found
        profile = transaction.profile(owner, found.profile_name) if found else None
        if found is None or profile is None or not grants(profile, caller, "signer:RevokeSignature"):
            raise denied(caller, "signer:RevokeSignature", JobArn(self._domain.region, owner, job_id))
        return found

    def _pin(self, caller: Caller, request: Mapping[str, Any], platform: Platform) -> SourceObject:
        given = (request["source"] or {}).get("s3")
        if given is None:
            raise ValidationError("SourceMissing", "source.s3 cannot be null.", member="source.s3")
        source = SourceObject(given["bucketName"], given["key"], given["version"])
        head = self._domain.objects.bucket(source.bucket)
        if head.owner not in (None, caller.account):
            raise denied(caller, "s3:GetObjectVersion", f"arn:aws:s3:::{source.bucket}/{source.key}")
        if not head.versioned or source.version == _NULL_VERSION:
            message = f"The source bucket {source.bucket} must be version enabled, and the version one of its own"
            raise ValidationError("SourceNotVersioned", message, member="source.s3")
        size = self._domain.objects.size(source)
        if platform.max_size is not None and size > platform.max_size:
            message = f"The source object has {size} bytes; platform {platform.platform_id} takes {platform.max_size}"
            raise ValidationError("ObjectTooLarge", message, member="source.s3", size=size)
        return source

    def _target(self, caller: Caller, request: Mapping[str, Any], name: str) -> TargetObject:
        given = (request["destination"] or {}).get("s3") or {}
        bucket = given.get("bucketName")
        if not bucket:
            message = "destination.s3.bucketName cannot be null."
            raise ValidationError("DestinationMissing", message, member="destination.s3.bucketName")
        if self._domain.objects.bucket(bucket).owner not in (None, caller.account):
            raise denied(caller, "s3:PutObject", f"arn:aws:s3:::{bucket}")
        return TargetObject(bucket, (given.get("prefix") or "") + name)


def signing_platform(domain: Domain, profile: SigningProfile) -> Platform:
    """Find the platform of a profile that may sign.

    Raises:
        ValidationError: The profile was canceled or revoked.
    """
    if profile.status is not ProfileStatus.ACTIVE:
        message = f"Signing profile {profile.name} is {profile.status.value.lower()}"
        raise ValidationError("ProfileNotActive", message, profile=profile.name)
    return domain.platform(profile.platform_id)


def new_job(
    domain: Domain,
    caller: Caller,
    profile: SigningProfile,
    job_id: str,
    *,
    request_id: str,
    token: str,
    request_digest: str,
    source: SourceObject | None = None,
    target: TargetObject | None = None,
) -> SigningJob:
    """Make the job that a caller asks a profile for."""
    now = domain.now()
    return SigningJob(
        job_id=job_id,
        owner=profile.account,
        invoker=caller.account,
        requested_by=caller.arn,
        profile_name=profile.name,
        profile_version=profile.version,
        platform_id=profile.platform_id,
        platform_display_name=profile.platform_display_name,
        created_at=now,
        source=source,
        target=target,
        certificate_arn=profile.certificate_arn,
        overrides=profile.overrides,
        parameters=profile.parameters,
        signature_expires_at=expiry(profile.validity, now) if profile.validity else None,
        request_id=request_id,
        token=token,
        request_digest=request_digest,
        worker=domain.worker,
        claimed_at=now,
    )


def _started(job: SigningJob) -> dict[str, Any]:
    return {"jobId": job.job_id, "jobOwner": job.owner}


def _same(known: SigningJob, digest: str) -> dict[str, Any]:
    if known.request_digest != digest:
        message = "The clientRequestToken was used before, for a different request"
        raise ValidationError("IdempotencyTokenMismatch", message, member="clientRequestToken")
    return _started(known)


def _request_digest(request: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def _no_such_job(job_id: str) -> ResourceNotFoundError:
    return ResourceNotFoundError("JobNotFound", f"Signing job {job_id} not found", job=job_id)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise ValidationError("InvalidNextToken", "The nextToken is not valid for this request") from None
