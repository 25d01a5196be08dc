"""The service's own chain under faults: what is killed or done twice leaves one chain, and nothing unrecorded."""

import json
import signal
import subprocess
import zipfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from iotsign.app.service import ServiceSettings, open_service
from iotsign.signer import Caller
from iotsign.stores.audit import verify_audit_log
from iotsign.stores.objects import DirectoryObjects

ME = Caller("111122223333", "arn:aws:iam::111122223333:user/me")
LAMBDA = "AWSLambda-SHA384-ECDSA"
NOTATION = "Notation-OCI-SHA384-ECDSA"
SIGNATURE = "META_INF/aws_signer_signature_v1.0.SF"
MakeFolder = Callable[..., Path]
Run = Callable[..., subprocess.CompletedProcess[str]]


def audited(folder: Path) -> Counter[str]:
    verify_audit_log(folder / "iotsign.audit")
    lines = (folder / "iotsign.audit").read_text().splitlines()
    return Counter(json.loads(line)["event"] for line in lines)


def finish(folder: Path) -> list[dict[str, Any]]:
    """Begin anew, do what was left, and list all jobs."""
    with open_service(ServiceSettings(folder)) as opened:
        for job_id in opened.service.recover():
            opened.service.run_job(job_id)
        return list(opened.service.call(ME, "ListSigningJobs", {}, request_id="r")["jobs"])


@pytest.mark.parametrize("step", ["intended", "signed", "logged", "released"])
def test_a_killed_lambda_job_is_finished(service_folder: MakeFolder, in_process: Run, step: str) -> None:
    folder = service_folder(LAMBDA)
    assert in_process(folder, "kill", step).returncode == -signal.SIGKILL
    before = audited(folder)
    assert before["IssuerCreated"] == before["CertificateIssued"] == 1
    (job,) = finish(folder)
    assert job["status"] == "Succeeded"
    (signed,) = DirectoryObjects(folder / "objects").versions("signed")
    assert signed.key == f"{job['jobId']}.zip"
    with zipfile.ZipFile(signed.path) as archive:
        assert archive.namelist() == ["app.bin", SIGNATURE]
    assert audited(folder)["CertificateIssued"] == 1


@pytest.mark.parametrize("step", ["accepted", "signed", "logged", "succeeded"])
def test_a_killed_payload_leaves_nothing_that_was_not_recorded(  # threat 33
    service_folder: MakeFolder, in_process: Run, step: str
) -> None:
    folder = service_folder(NOTATION)
    assert in_process(folder, "kill", step).returncode == -signal.SIGKILL
    jobs, events = finish(folder), audited(folder)
    assert [job["status"] for job in jobs] == ["Succeeded"] * (step == "succeeded")
    assert len(jobs) <= events["SigningSucceeded"] <= events["SigningIntended"]
    assert in_process(folder, "many", "1").returncode == 0
    assert len(finish(folder)) == len(jobs) + 1
    assert audited(folder)["IssuerCreated"] == 1


def test_processes_that_begin_together_share_one_chain(service_folder: MakeFolder, in_process: Run) -> None:
    folder = service_folder(NOTATION)
    with ThreadPoolExecutor(3) as pool:
        runs = list(pool.map(lambda _: in_process(folder, "many", "5"), range(3)))
    assert [run.returncode for run in runs] == [0, 0, 0], runs
    assert [job["status"] for job in finish(folder)] == ["Succeeded"] * 15
    events = audited(folder)
    assert (events["IssuerCreated"], events["CertificateIssued"], events["SigningSucceeded"]) == (1, 1, 15)


def test_a_large_zip_needs_little_memory(service_folder: MakeFolder, in_process: Run) -> None:
    folder = service_folder(LAMBDA, (250 << 20) - (1 << 16))
    run = in_process(folder, "measure")
    assert int(run.stdout) <= 64 << 10, run
    (job,) = finish(folder)
    assert job["status"] == "Succeeded"
