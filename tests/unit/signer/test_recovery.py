"""What is left of a job that was interrupted, and who goes on with it."""

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from iotsign.algorithms import KeyType
from iotsign.errors import AccessDeniedError, StoreError
from iotsign.signer import SourceObject

STEPS = ["accepted", "pinned", "intended", "signed", "verified", "logged", "released"]


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", STEPS)
def test_a_job_interrupted_anywhere_is_finished_by_the_next_process(world: Any, step: str) -> None:
    world.profile()

    def crash(name: str, _: str) -> None:
        if name == step:
            raise Crash

    source = world.firmware()
    world.on_step = crash
    with pytest.raises(Crash):
        world.service.run_job(world.start(source)["jobId"])
    (job_id,) = world.records.jobs_by_id
    world.on_step = lambda _step, _job: None
    world.service = world.another("worker-2")
    assert world.service.recover() == []  # the first worker may still live
    world.gone.add("worker-1")
    assert world.service.recover() == [job_id]
    world.service.run_job(job_id)
    job = world.call("DescribeSigningJob", jobId=job_id)
    assert job["status"] == "Succeeded"
    assert world.signed(job)
    assert world.start(source) == {"jobId": job_id, "jobOwner": "111122223333"}
    assert world.audit.names().count("SigningSucceeded") == 1 + (step == "logged")
    assert world.service.recover() == []


def test_a_worker_of_which_nothing_is_known_has_a_quarter_of_an_hour(world: Any) -> None:
    world.profile()
    job_id = world.start(world.firmware())["jobId"]
    other = world.another("worker-2")
    world.clock.move(timedelta(minutes=15))
    assert other.recover() == []
    world.clock.move(timedelta(seconds=1))
    assert other.recover() == [job_id]
    assert other.recover() == [job_id]
    world.service.run_job(job_id)  # the first one comes back, and finds that it is not its job any more
    assert "pinned" not in world.steps
    world.service = other
    other.run_job(job_id)
    assert world.call("DescribeSigningJob", jobId=job_id)["status"] == "Succeeded"


def test_a_clock_that_was_put_back_holds_nothing_up(world: Any) -> None:
    world.profile()
    job_id = world.start(world.firmware())["jobId"]
    world.clock.move(-timedelta(days=1))
    assert world.another("worker-2").recover() == [job_id]


def test_a_job_that_was_taken_over_in_the_middle_releases_nothing(world: Any) -> None:
    world.profile()
    job_id = world.start(world.firmware())["jobId"]

    def take_over(step: str, _: str) -> None:
        if step == "signed":
            world.records.claim_job(world.records.job(job_id), "worker-2", world.clock.now())

    world.on_step = take_over
    with pytest.raises(StoreError, match="taken over by another worker"):
        world.service.run_job(job_id)
    assert ("signed", f"out/{job_id}") not in world.objects.contents


def test_without_a_log_nothing_is_signed(world: Any) -> None:  # threat 33
    world.profile()
    job_id = world.start(world.firmware())["jobId"]
    world.audit.broken = True
    with pytest.raises(StoreError, match="audit log cannot be written"):
        world.service.run_job(job_id)
    assert world.steps[-1] == "pinned"
    assert world.call("DescribeSigningJob", jobId=job_id)["status"] == "InProgress"
    world.audit.broken = False
    assert world.service.recover() == [job_id]
    world.service.run_job(job_id)
    assert world.call("DescribeSigningJob", jobId=job_id)["status"] == "Succeeded"


def test_a_log_that_breaks_after_signing_keeps_the_signature_back(world: Any) -> None:  # threat 33
    world.profile()
    job_id = world.start(world.firmware())["jobId"]

    def break_log(step: str, _: str) -> None:
        world.audit.broken = step == "signed" or world.audit.broken

    world.on_step = break_log
    with pytest.raises(StoreError):
        world.service.run_job(job_id)
    assert ("signed", f"out/{job_id}") not in world.objects.contents


def test_a_token_signs_once(world: Any, key_files: Any) -> None:
    from iotsign.algorithms import signature_algorithm
    from iotsign.signer._key_use import KeyUse, SigningToken

    world.profile()
    job = world.records.jobs_by_id[world.start(world.firmware())["jobId"]]
    use = KeyUse(world.service._workshop._domain)
    material = world.materials.find(job.certificate_arn)
    algorithm = signature_algorithm("SHA256withECDSA")
    token = use.prepare(job, material, algorithm, digest=bytes(32))
    assert token.value not in repr(token)
    signature = use.sign(token)
    material.signer.public_key.verify_digest(bytes(32), signature, algorithm)
    for spent in (token, SigningToken("made up")):
        with pytest.raises(AccessDeniedError, match="not spent"):
            use.sign(spent)
    assert KeyType.P256 is material.signer.public_key.key_type


def test_a_job_that_is_running_is_not_run_again(world: Any) -> None:
    world.profile()
    job_id = world.start(world.firmware())["jobId"]
    world.on_step = lambda step, job: world.service.run_job(job) if step == "pinned" else None
    world.service.run_job(job_id)
    assert world.steps.count("pinned") == 1


def test_a_job_without_source_fails(world: Any) -> None:
    world.profile()
    job = world.records.jobs_by_id[world.start(world.firmware())["jobId"]]
    world.records.jobs_by_id[job.job_id] = replace(job, source=None)
    world.service.run_job(job.job_id)
    assert "has no source" in world.call("DescribeSigningJob", jobId=job.job_id)["statusReason"]


def test_an_object_that_changes_while_it_is_read_is_not_signed(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Changing(io.FileIO):  # threat 22
        def read(self, size: int | None = -1, /) -> bytes:
            return b"something else"

    @contextmanager
    def open_version(_: SourceObject) -> Iterator[io.FileIO]:
        with tempfile.NamedTemporaryFile(buffering=0) as file:
            file.write(b"firmware")
            with Changing(file.name) as changing:
                yield changing

    world.profile("MCUboot-Ed25519", key=KeyType.ED25519, overrides={"signingImageFormat": "JSONEmbedded"})
    monkeypatch.setattr(world.objects, "open_version", open_version)
    job = world.sign()
    assert job["statusReason"] == "the object that is signed changed while it was read"
    assert "SigningIntended" not in world.audit.names()


def test_a_disk_that_is_full_leaves_the_job_in_progress(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    world.profile("AWSIoTDeviceManagement-SHA256-ECDSA")
    with monkeypatch.context() as patch:
        patch.setattr(world.objects, "stage", lambda: io.FileIO("/dev/full", "wb"))
        with pytest.raises(StoreError, match="cannot write the signed object: No space"):
            world.sign()
    (job_id,) = world.service.recover()
    world.service.run_job(job_id)
    assert world.call("DescribeSigningJob", jobId=job_id)["status"] == "Succeeded"
