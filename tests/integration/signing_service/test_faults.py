"""Processes that are killed, full disks, servers that share a database: nothing is lost, nothing unrecorded."""

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from iotsign.app.service import ServiceSettings, open_service
from iotsign.signer import AuditEvent, Caller
from iotsign.stores.audit import FileAuditLog, verify_audit_log
from iotsign.stores.objects import DirectoryObjects, StoredVersion

ME = Caller("111122223333", "arn:aws:iam::111122223333:user/me")
STEPS = ["accepted", "pinned", "intended", "signed", "verified", "logged", "released", "succeeded"]
MakeFolder = Callable[..., Path]
Run = Callable[..., subprocess.CompletedProcess[str]]


def audited(folder: Path) -> Counter[str]:
    verify_audit_log(folder / "iotsign.audit")
    lines = (folder / "iotsign.audit").read_text().splitlines()
    return Counter(json.loads(line)["event"] for line in lines)


def signed_objects(folder: Path) -> list[StoredVersion]:
    return DirectoryObjects(folder / "objects").versions("signed")


def finish(folder: Path) -> list[dict[str, Any]]:
    """Begin anew, do what was left, and describe all jobs."""
    with open_service(ServiceSettings(folder)) as opened:
        for job_id in opened.service.recover():
            opened.service.run_job(job_id)
        jobs = opened.service.call(ME, "ListSigningJobs", {}, request_id="r")["jobs"]
        for job in jobs:
            assert job["signedObject"]["s3"] == {"bucketName": "signed", "key": job["jobId"]}
            assert [found.size > 1000 for found in signed_objects(folder) if found.key == job["jobId"]] == [True]
        return list(jobs)


@pytest.mark.parametrize("step", STEPS)
def test_a_process_killed_at_any_step_loses_nothing(  # threat 33
    service_folder: MakeFolder, in_process: Run, step: str
) -> None:
    folder = service_folder()
    assert in_process(folder, "kill", step).returncode == -signal.SIGKILL
    before = audited(folder)
    assert len(signed_objects(folder)) <= before["SigningSucceeded"] <= before["SigningIntended"]
    (job,) = finish(folder)
    assert job["status"] == "Succeeded"
    assert len(signed_objects(folder)) == 1
    with open_service(ServiceSettings(folder)) as opened:
        again = json.loads((folder / "request.json").read_text()) | {"clientRequestToken": "token"}
        assert opened.service.call(ME, "StartSigningJob", again, request_id="r")["jobId"] == job["jobId"]


def test_a_log_that_cannot_grow_keeps_everything_back(  # threat 33
    service_folder: MakeFolder, in_process: Run
) -> None:
    folder = service_folder()
    log = FileAuditLog(folder / "iotsign.audit")
    for _ in range(400):  # the log has to be the longest file
        log.append(AuditEvent("Filling", datetime.now(UTC), "arn:x", ME.account, ME.arn, "r", {}))
    log.close()
    size = (folder / "iotsign.audit").stat().st_size
    run = in_process(folder, "limit", str(size + 100))
    assert "so nothing is signed: File too large" in run.stdout, run
    assert audited(folder) == {"ProfileCreated": 1, "Filling": 400}
    assert not signed_objects(folder)
    (job,) = finish(folder)
    assert job["status"] == "Succeeded"


def test_a_database_that_cannot_grow_accepts_nothing(service_folder: MakeFolder, in_process: Run) -> None:
    folder = service_folder()
    run = in_process(folder, "limit-all", "4096")
    assert "the database of records failed" in run.stdout, run
    assert finish(folder) == []


def test_two_processes_share_a_folder(service_folder: MakeFolder, in_process: Run) -> None:
    folder = service_folder()
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda _: in_process(folder, "many", "5"), range(2)))
    assert [run.returncode for run in runs] == [0, 0], runs
    jobs = finish(folder)
    assert [job["status"] for job in jobs] == ["Succeeded"] * 10
    assert audited(folder) == {"ProfileCreated": 1, "SigningIntended": 10, "SigningSucceeded": 10}


def test_one_token_from_many_clients_is_one_job(service_folder: MakeFolder) -> None:
    folder = service_folder()
    with open_service(ServiceSettings(folder)) as opened, ThreadPoolExecutor(32) as pool:
        request = json.loads((folder / "request.json").read_text()) | {"clientRequestToken": "token"}

        def send(_: int) -> str:
            job_id = str(opened.service.call(ME, "StartSigningJob", request, request_id="r")["jobId"])
            opened.service.run_job(job_id)
            return job_id

        assert len(set(pool.map(send, range(200)))) == 1
    assert audited(folder)["SigningIntended"] == 1


def test_a_large_object_needs_little_memory(service_folder: MakeFolder, in_process: Run) -> None:
    folder = service_folder("AWSIoTDeviceManagement-SHA256-ECDSA", 1 << 30)
    run = in_process(folder, "measure")
    assert int(run.stdout) <= 64 << 10, run
    (signed,) = signed_objects(folder)
    assert json.loads(signed.path.read_bytes())["rawPayloadSize"] == 1 << 30
