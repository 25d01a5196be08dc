"""What every store of records does alike."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from iotsign.signer import (
    JobQuery,
    JobRevocation,
    JobStatus,
    Overrides,
    Permission,
    Policy,
    ProfileArn,
    ProfileQuery,
    ProfileRevocation,
    ProfileStatus,
    SigningJob,
    SigningProfile,
    SourceObject,
    TargetObject,
    Validity,
)

NOW = datetime(2026, 11, 21, 12, 0, 0, 123456, UTC)
ME, OTHER = "111122223333", "444455556666"
OpenStore = Callable[[], Any]

PROFILE = SigningProfile(
    account=ME,
    name="release",
    version="0123456789",
    arn=ProfileArn("eu-west-1", ME, "release"),
    platform_id="AWSLambda-SHA384-ECDSA",
    platform_display_name="AWS Lambda é",
    created_at=NOW,
)
FULL_PROFILE = replace(
    PROFILE,
    certificate_arn="arn:aws:acm:x",
    validity=Validity(3, "DAYS"),
    overrides=Overrides("RSA", "SHA256", "JSONDetached"),
    parameters={"a": "b"},
    status=ProfileStatus.REVOKED,
    status_reason="why",
    tags={"k": "v'\"\n\U0001f511"},
    revocation=ProfileRevocation(NOW - timedelta(days=1), NOW, "arn:me", "leaked"),
    policy=Policy("r1", (Permission("s", "signer:X", OTHER), Permission("t", "signer:Y", OTHER, "0123456789"))),
)
JOB = SigningJob(
    job_id="11111111-1111-4111-8111-111111111111",
    owner=ME,
    invoker=OTHER,
    requested_by="arn:them",
    profile_name="release",
    profile_version="0123456789",
    platform_id="AWSLambda-SHA384-ECDSA",
    platform_display_name="AWS Lambda",
    created_at=NOW,
    token="t",
    request_id="request",
    request_digest="d",
    worker="w",
    claimed_at=NOW,
)
FULL_JOB = replace(
    JOB,
    source=SourceObject("b", "k", "v"),
    target=TargetObject("b", "é"),
    certificate_arn="arn:aws:acm:x",
    overrides=Overrides("RSA", "SHA256", "JSONDetached"),
    parameters={"a": "b"},
    status=JobStatus.SUCCEEDED,
    status_reason="why",
    completed_at=NOW + timedelta(microseconds=1),
    signature_expires_at=NOW + timedelta(days=1),
    revocation=JobRevocation("because", NOW, "arn:me"),
    signed_digest="ab",
)


def query(**change: Any) -> JobQuery:
    names = ("invoker", "status", "platform_id", "requested_by", "revoked", "expires_after", "expires_before", "after")
    everything: dict[str, Any] = dict.fromkeys(names)
    everything |= {"owner": ME, "since": NOW - timedelta(days=731), "limit": 100}
    return JobQuery(**(everything | change))


@pytest.mark.parametrize("profile", [PROFILE, FULL_PROFILE])
def test_a_profile_comes_back_as_it_was(open_store: OpenStore, profile: SigningProfile) -> None:
    with open_store().writing() as transaction:
        assert transaction.add_profile(PROFILE)
        assert not transaction.add_profile(replace(PROFILE, version="9876543210"))
    with open_store().writing() as transaction:
        assert transaction.profile(ME, "release") == PROFILE
        assert transaction.profile(OTHER, "release") is None
        transaction.save_profile(profile)
    with open_store().reading() as transaction:
        assert transaction.profile(ME, "release") == profile
        assert list(transaction.revoked_profiles()) == ([profile] if profile is FULL_PROFILE else [])


@pytest.mark.parametrize("job", [JOB, FULL_JOB])
def test_a_job_comes_back_as_it_was(open_store: OpenStore, job: SigningJob) -> None:
    with open_store().writing() as transaction:
        assert transaction.add_job(job)
        assert not transaction.add_job(replace(job, job_id="22222222-1111-4111-8111-111111111111"))
    with open_store().reading() as transaction:
        assert transaction.job(job.job_id) == job
        assert transaction.job("nothing") is None
        assert transaction.job_by_token(OTHER, "t") == job
        assert transaction.job_by_token(ME, "t") is None
        assert list(transaction.unfinished_jobs()) == ([job] if job is JOB else [])
        assert list(transaction.revoked_jobs()) == ([job] if job is FULL_JOB else [])


def test_an_exception_undoes_everything(open_store: OpenStore) -> None:
    def fail() -> None:
        with open_store().writing() as transaction:
            transaction.add_profile(PROFILE)
            transaction.add_job(JOB)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    with open_store().reading() as transaction:
        assert transaction.profile(ME, "release") is None
        assert transaction.job(JOB.job_id) is None


def test_profiles_are_listed_by_name(open_store: OpenStore) -> None:
    with open_store().writing() as transaction:
        for name in ("b_1", "B1", "a1", "b1"):
            transaction.add_profile(replace(PROFILE, name=name, arn=ProfileArn("eu-west-1", ME, name)))
        transaction.add_profile(replace(PROFILE, account=OTHER, arn=ProfileArn("eu-west-1", OTHER, "release")))
        transaction.save_profile(
            replace(PROFILE, name="a1", arn=ProfileArn("eu-west-1", ME, "a1"), status=ProfileStatus.CANCELED)
        )

    def names(*statuses: ProfileStatus, **change: Any) -> list[str]:
        about: dict[str, Any] = {"platform_id": None, "after": None, "limit": 9} | change
        with open_store().reading() as transaction:
            return [found.name for found in transaction.profiles(ProfileQuery(ME, statuses, **about))]

    assert names(ProfileStatus.ACTIVE) == ["B1", "b1", "b_1"]
    assert names(ProfileStatus.ACTIVE, after="B1", limit=1) == ["b1"]
    assert names(*ProfileStatus) == ["B1", "a1", "b1", "b_1"]
    assert names(ProfileStatus.ACTIVE, platform_id="Nothing") == []


def test_jobs_are_found_by_what_is_asked(open_store: OpenStore) -> None:
    second = timedelta(seconds=1)
    jobs = [
        replace(JOB, job_id=str(number), token=str(number), created_at=NOW + second * (number // 2))
        for number in range(6)
    ]
    jobs[1] = replace(jobs[1], status=JobStatus.SUCCEEDED, revocation=JobRevocation("r", NOW, "me"))
    jobs[2] = replace(jobs[2], owner=OTHER, platform_id="P", requested_by="R")
    jobs[3] = replace(jobs[3], platform_id="P", requested_by="R", invoker=ME, signature_expires_at=NOW + second)
    jobs[4] = replace(jobs[4], signature_expires_at=NOW + 3 * second)
    with open_store().writing() as transaction:
        for job in jobs:
            transaction.add_job(job)

    def ids(**change: Any) -> str:
        with open_store().reading() as transaction:
            return "".join(job.job_id for job in transaction.jobs(query(**change)))

    assert ids() == "54310"
    assert ids(limit=2) == "54"
    assert ids(after=(NOW + 2 * second, "4")) == "310"
    assert ids(owner=None, invoker=OTHER) == "54210"
    assert ids(status=JobStatus.SUCCEEDED) == "1"
    assert ids(platform_id="P") == "3"
    assert ids(requested_by="R") == "3"
    assert ids(revoked=True) == "1"
    assert ids(revoked=False) == "5430"
    assert ids(expires_after=NOW) == "43"
    assert ids(expires_after=NOW, after=(NOW + 3 * second, "4")) == "3"
    assert ids(expires_after=NOW, expires_before=NOW + 2 * second) == "3"
    assert ids(expires_before=NOW + second) == ""
    assert ids(since=NOW + second) == "543"


def test_a_job_is_advanced_by_its_worker_only(open_store: OpenStore) -> None:
    with open_store().writing() as transaction:
        transaction.add_job(JOB)
        later = NOW + timedelta(minutes=1)
        assert not transaction.claim_job(replace(JOB, worker="somebody"), "w2", later)
        assert transaction.claim_job(JOB, "w2", later)
        assert not transaction.advance_job(replace(JOB, status=JobStatus.FAILED))
        taken = replace(JOB, worker="w2", claimed_at=later)
        assert transaction.job(JOB.job_id) == taken
        done = replace(taken, status=JobStatus.SUCCEEDED, signed_digest="ab", completed_at=later)
        assert transaction.advance_job(done)
        assert not transaction.advance_job(done)
        assert not transaction.claim_job(done, "w3", later)
        assert transaction.revoke_job(JOB.job_id, JobRevocation("r", later, "me"))
        assert not transaction.revoke_job(JOB.job_id, JobRevocation("again", later, "me"))
        assert not transaction.revoke_job("nothing", JobRevocation("r", later, "me"))
        assert transaction.job(JOB.job_id) == replace(done, revocation=JobRevocation("r", later, "me"))


def test_a_job_is_added_and_advanced_outside_a_transaction(open_store: OpenStore) -> None:
    store = open_store()
    assert store.add_job(JOB)
    assert not store.add_job(replace(JOB, job_id="22222222-1111-4111-8111-111111111111"))
    done = replace(JOB, status=JobStatus.SUCCEEDED, signed_digest="ab", completed_at=NOW)
    assert not store.advance_job(replace(done, worker="somebody"))
    assert store.advance_job(done)
    assert not store.advance_job(done)
    with open_store().reading() as transaction:
        assert transaction.job(JOB.job_id) == done


def test_one_of_many_writers_wins(open_store: OpenStore, request: pytest.FixtureRequest) -> None:
    if "memory" in request.node.callspec.id:
        pytest.skip("the fake takes one thread at a time")
    stores = [open_store(), open_store()]

    def add(number: int) -> bool:
        added: bool = stores[number % 2].add_job(replace(JOB, job_id=f"job-{number}", token=f"token-{number % 4}"))
        return added

    def grow(number: int) -> None:
        with stores[number % 2].writing() as transaction:
            profile = transaction.profile(ME, "release")
            transaction.save_profile(replace(profile, tags={**profile.tags, str(number): ""}))

    with stores[0].writing() as transaction:
        transaction.add_profile(PROFILE)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(64))) == 4
        list(pool.map(grow, range(32)))
    with stores[0].reading() as transaction:
        assert len(transaction.profile(ME, "release").tags) == 32
