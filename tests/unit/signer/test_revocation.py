"""RevokeSignature and GetRevocationStatus."""

from dataclasses import replace
from datetime import timedelta
from hashlib import sha384
from typing import Any

import pytest

from iotsign.errors import ResourceNotFoundError, ValidationError
from iotsign.signer import JobStatus, SigningJob


@pytest.fixture
def job(world: Any) -> SigningJob:
    """A job of a platform with revocation, as its signing leaves it."""
    world.profile()
    made: SigningJob = world.records.jobs_by_id[world.start(world.firmware())["jobId"]]
    version = world.call("PutSigningProfile", profileName="code", platformId="AWSLambda-SHA384-ECDSA")
    done = replace(
        made,
        profile_name="code",
        profile_version=version["profileVersion"],
        platform_id="AWSLambda-SHA384-ECDSA",
        status=JobStatus.SUCCEEDED,
        signature_expires_at=world.clock.now() + timedelta(days=30),
    )
    world.records.jobs_by_id[made.job_id] = done
    return done


def chain_hash(world: Any) -> str:
    """The root of the service's own chain, as GetRevocationStatus takes it."""
    world.service.establish_issuer()
    return sha384(world.issuer().roots()[0].tbs_certificate_bytes).hexdigest() * 2


def status(world: Any, job: SigningJob, **change: Any) -> Any:
    request = {
        "signatureTimestamp": world.clock.now(),
        "platformId": "AWSLambda-SHA384-ECDSA",
        "profileVersionArn": f"arn:aws:signer:eu-west-1:111122223333:/signing-profiles/code/{job.profile_version}",
        "jobArn": f"arn:aws:signer:eu-west-1:111122223333:/signing-jobs/{job.job_id}",
        "certificateHashes": [chain_hash(world)],
    }
    return world.call("GetRevocationStatus", **(request | change))["revokedEntities"]


def test_a_revoked_signature_is_named(world: Any, job: SigningJob) -> None:
    assert status(world, job) == []
    assert world.call("RevokeSignature", jobId=job.job_id, reason="wrong build") == {}
    assert status(world, job) == [f"arn:aws:signer:eu-west-1:111122223333:/signing-jobs/{job.job_id}"]
    described = world.call("DescribeSigningJob", jobId=job.job_id)
    assert described["revocationRecord"] == {
        "reason": "wrong build",
        "revokedAt": world.clock.now(),
        "revokedBy": "arn:aws:iam::111122223333:user/me",
    }
    assert [entry["isRevoked"] for entry in world.call("ListSigningJobs", isRevoked=True)["jobs"]] == [True]
    with pytest.raises(ValidationError, match="already been revoked"):
        world.call("RevokeSignature", jobId=job.job_id, reason="again")
    assert world.audit.names()[-1] == "SignatureRevoked"


def test_a_revoked_profile_is_named_from_its_moment_on(world: Any, job: SigningJob) -> None:
    moment = world.clock.now()
    world.call(
        "RevokeSigningProfile",
        profileName="code",
        profileVersion=job.profile_version,
        reason="leaked",
        effectiveTime=moment,
    )
    arn = f"arn:aws:signer:eu-west-1:111122223333:/signing-profiles/code/{job.profile_version}"
    assert status(world, job, signatureTimestamp=moment) == [arn]
    assert status(world, job, signatureTimestamp=moment - timedelta(microseconds=1)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"platformId": "AmazonFreeRTOS-Default"},
        {"platformId": "Nothing"},
        {"certificateHashes": ["ab"]},
        {"certificateHashes": ["ab" * 96]},
        {"jobArn": "arn:aws:signer:eu-west-1:111122223333:/signing-jobs/11111111-1111-4111-8111-111111111111"},
        {"jobArn": "arn:aws:signer:us-east-1:111122223333:/signing-jobs/11111111-1111-4111-8111-111111111111"},
        {"profileVersionArn": "arn:aws:signer:eu-west-1:111122223333:/signing-profiles/code"},
        {"profileVersionArn": "arn:aws:signer:eu-west-1:111122223333:/signing-profiles/code/0123456789"},
    ],
)
def test_what_is_not_known_is_never_fine(world: Any, job: SigningJob, change: dict[str, Any]) -> None:  # threat 25
    with pytest.raises(ValidationError):
        status(world, job, **change)


def test_only_a_signature_can_be_revoked(world: Any, job: SigningJob) -> None:
    world.records.jobs_by_id[job.job_id] = replace(job, status=JobStatus.FAILED)
    with pytest.raises(ValidationError, match="no signature to revoke: it is Failed"):
        world.call("RevokeSignature", jobId=job.job_id, reason="x")
    with pytest.raises(ResourceNotFoundError, match="Signing job nothing not found"):
        world.call("RevokeSignature", jobId="nothing", reason="x")
    world.records.jobs_by_id[job.job_id] = replace(job, platform_id="AmazonFreeRTOS-Default")
    with pytest.raises(ValidationError, match="Revocation is not supported"):
        world.call("RevokeSignature", jobId=job.job_id, reason="x")


def test_jobs_are_listed_by_the_expiry_of_their_signatures(world: Any, job: SigningJob) -> None:
    day = timedelta(days=1)
    for number in range(3):
        other = replace(job, job_id=f"job-{number}", token=f"t{number}")
        world.records.add_job(replace(other, signature_expires_at=world.clock.now() + number * day))

    def listed(**request: Any) -> list[str]:
        first = world.call("ListSigningJobs", maxResults=1, **request)
        rest = world.call("ListSigningJobs", nextToken=first["nextToken"], **request)
        return [entry["jobId"] for entry in first["jobs"] + rest["jobs"]]

    assert listed(signatureExpiresAfter=world.clock.now()) == [job.job_id, "job-2", "job-1"]
    assert listed(signatureExpiresBefore=world.clock.now() + 2 * day) == ["job-1", "job-0"]


def test_a_token_with_a_foreign_time_is_refused(world: Any, job: SigningJob) -> None:
    from iotsign.signer._pages import next_token

    with pytest.raises(ValidationError, match="nextToken"):
        world.call("ListSigningJobs", nextToken=next_token({}, ["yesterday", job.job_id]))
