"""Servers killed, out of disk, or wrong about the time: nothing acknowledged is lost, nothing signed unrecorded."""

import http.client
import json
import os
import resource
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from server_process import IOTSIGN, WAIT_S, Server

from iotsign.stores.audit import verify_audit_log
from iotsign.stores.objects import DirectoryObjects

FAULTY = str(Path(__file__).parents[2] / "server" / "faulty_server.py")
STEPS = ["accepted", "pinned", "intended", "signed", "verified", "logged", "released", "succeeded"]
FIRMWARE = b"firmware" * 1000


def upload(server: Server) -> dict[str, Any]:
    """Upload a firmware, and give the request that has it signed."""
    version = server.client("s3").put_object(Bucket="firmware", Key="app.bin", Body=FIRMWARE)["VersionId"]
    return {
        "source": {"s3": {"bucketName": "firmware", "key": "app.bin", "version": version}},
        "destination": {"s3": {"bucketName": "firmware", "prefix": "signed/"}},
        "profileName": "local",
    }


def finished(server: Server, job_id: str) -> Any:
    signer, deadline = server.client("signer"), time.monotonic() + WAIT_S
    while (job := signer.describe_signing_job(jobId=job_id))["status"] == "InProgress":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return job


def jobs_by_status(server: Server) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {"InProgress": set(), "Succeeded": set(), "Failed": set()}
    for page in server.client("signer").get_paginator("list_signing_jobs").paginate():
        for job in page["jobs"]:
            found[job["status"]].add(job["jobId"])
    return found


def audited(data: Path) -> Counter[str]:
    verify_audit_log(data / "iotsign.audit")
    lines = (data / "iotsign.audit").read_text().splitlines()
    return Counter(json.loads(line)["event"] for line in lines)


def signed(data: Path) -> list[str]:
    return [
        found.key.removeprefix("signed/")
        for found in DirectoryObjects(data / "objects").versions("firmware", "signed/")
    ]


def test_a_server_killed_at_any_step_loses_nothing(tmp_path: Path) -> None:  # threat 33
    data = tmp_path / "data"
    server = Server(data)
    request = upload(server)
    assert server.stop() == 0
    tokens: dict[str, str] = {}
    for step in STEPS:
        server = Server(data, program=(sys.executable, FAULTY, "kill", step))
        tokens[step] = str(uuid.uuid4())
        try:  # killed between acceptance and answer, too
            server.client("signer").start_signing_job(**request, clientRequestToken=tokens[step])
        except (BotoCoreError, ClientError):
            assert step == "accepted" or server.process.wait(WAIT_S) == -signal.SIGKILL
        assert server.process.wait(WAIT_S) == -signal.SIGKILL
        server.stop()
        events = audited(data)
        assert len(signed(data)) <= events["SigningSucceeded"] <= events["SigningIntended"]
    server = Server(data)
    try:
        jobs = {
            step: server.client("signer").start_signing_job(**request, clientRequestToken=tokens[step])["jobId"]
            for step in STEPS
        }
        assert {finished(server, job_id)["status"] for job_id in jobs.values()} == {"Succeeded"}
        assert jobs_by_status(server) == {"InProgress": set(), "Failed": set(), "Succeeded": set(jobs.values())}
        assert sorted(signed(data)) == sorted(jobs.values())
    finally:
        assert server.stop() == 0


def test_one_token_from_64_clients_is_one_job(server: Server) -> None:
    request = upload(server)
    client, captured = server.client("signer"), list[Any]()
    client.meta.events.register("before-send.signer.StartSigningJob", lambda request, **_: captured.append(request))
    job_id = client.start_signing_job(**request)["jobId"]
    body = json.dumps({**request, "clientRequestToken": str(uuid.uuid4())}).encode()
    prepared = resigned(server, captured[0], body)

    def send(_: int) -> set[str]:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=WAIT_S)
        found = set()
        for _ in range(16):  # 64 × 16: more than a thousand
            connection.request(prepared.method, "/signing-jobs", body, dict(prepared.headers.items()))
            response = connection.getresponse()
            found.add(json.loads(response.read())["jobId"])
            assert response.status == 200
        connection.close()
        return found

    with ThreadPoolExecutor(64) as pool:
        (same,) = set().union(*pool.map(send, range(64)))
    assert same != job_id
    assert finished(server, same)["status"] == "Succeeded"
    events = [json.loads(line) for line in (server.data / "iotsign.audit").read_text().splitlines()]
    assert [event["event"] for event in events if event["subject"].endswith(same)] == [
        "SigningIntended",
        "SigningSucceeded",
    ]


def resigned(server: Server, request: Any, body: bytes) -> Any:
    """Sign another body."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    made = AWSRequest(request.method, request.url, data=body, headers={"Content-Type": "application/json"})
    environment = server.environment
    keys = Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(keys, "signer", "us-east-1").add_auth(made)
    return made


def test_two_servers_sign_from_one_database(tmp_path: Path) -> None:
    servers = [Server(tmp_path / "data") for _ in range(2)]
    try:
        request = upload(servers[0])
        clients = [server.client("signer") for server in servers]

        def start(number: int) -> str:
            return str(clients[number % 2].start_signing_job(**request)["jobId"])

        with ThreadPoolExecutor(8) as pool:
            started = list(pool.map(start, range(40)))
        for number, job_id in enumerate(started):  # whichever server is asked
            assert finished(servers[number // 2 % 2], job_id)["status"] == "Succeeded"
        assert jobs_by_status(servers[1])["Succeeded"] == set(started)
    finally:
        assert [server.stop() for server in servers] == [0, 0]
    events = audited(tmp_path / "data")
    assert (events["SigningIntended"], events["SigningSucceeded"]) == (40, 40)
    assert sorted(signed(tmp_path / "data")) == sorted(started)


def test_a_log_that_cannot_grow_keeps_everything_back(tmp_path: Path) -> None:  # threat 33
    server = Server(tmp_path / "data")
    try:
        signer, request = server.client("signer"), upload(server)
        before = audited(server.data)
        size = (server.data / "iotsign.audit").stat().st_size
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size + 100, resource.RLIM_INFINITY))
        with pytest.raises(ClientError, match="InternalServiceErrorException"):
            signer.put_signing_profile(profileName="unlogged", platformId="AWSLambda-SHA384-ECDSA")
        assert audited(server.data) == before
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
        signer.put_signing_profile(profileName="unlogged", platformId="AWSLambda-SHA384-ECDSA")
        assert finished(server, signer.start_signing_job(**request)["jobId"])["status"] == "Succeeded"
    finally:
        assert server.stop() == 0


class SmallDisk:
    """A server whose folder is a file system of its own, of a few MiB."""

    def __init__(self, folder: Path) -> None:
        mount = f"mount -t tmpfs -o size=6m,mode=700 tmpfs {folder}/disk"
        program = (
            "unshare",
            "--user",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            f'{mount} && exec "$0" "$@"',
            str(IOTSIGN),
        )
        (folder / "disk").mkdir()
        try:
            subprocess.run([*program[:4], "true"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("needs user namespaces")
        self.server = Server(folder / "disk", program=program)
        self.data = Path(f"/proc/{self.server.process.pid}/root{folder}/disk")

    def mount(self, *arguments: str) -> None:
        """Let no path below the folder be written to any more, or undo that; files that are open stay as they are."""
        pid = str(self.server.process.pid)
        enter = ["nsenter", "--target", pid, "--user", "--preserve-credentials", "--mount"]
        subprocess.run([*enter, *arguments, str(self.server.data)], check=True)

    def fill(self) -> None:
        with (self.data / "filling").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"\0" * 4096)
            except OSError:
                pass

    def empty(self) -> None:
        (self.data / "filling").unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    found = SmallDisk(tmp_path)
    yield found
    assert found.server.stop() == 0


def test_a_full_disk(small_disk: SmallDisk) -> None:
    server = small_disk.server
    signer, s3, request = server.client("signer"), server.client("s3"), upload(server)
    done = signer.start_signing_job(**request)["jobId"]
    assert finished(server, done)["status"] == "Succeeded"
    small_disk.fill()
    acknowledged, refusals = set[str](), list[str]()
    for _ in range(8):
        try:
            acknowledged.add(signer.start_signing_job(**request)["jobId"])
        except ClientError as error:
            refusals.append(error.response["Error"]["Code"])
    assert set(refusals) == {"InternalServiceErrorException"}
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket="firmware", Key="more.bin", Body=os.urandom(1 << 20))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert signer.describe_signing_job(jobId=done)["status"] == "Succeeded"  # reading goes on
    small_disk.empty()
    acknowledged.add(signer.start_signing_job(**request)["jobId"])
    for job_id in acknowledged:
        assert finished(server, job_id)["status"] == "Succeeded"
    assert audited(small_disk.data)["SigningSucceeded"] == len(signed(small_disk.data)) == 1 + len(acknowledged)


def test_a_read_only_disk(small_disk: SmallDisk) -> None:
    server = small_disk.server
    signer, s3, request = server.client("signer"), server.client("s3"), upload(server)
    small_disk.mount("mount", "--bind", str(server.data))
    small_disk.mount("mount", "-o", "remount,bind,ro")
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket="firmware", Key="more.bin", Body=b"more")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    job_id = signer.start_signing_job(**request)["jobId"]  # the database was open already
    deadline = time.monotonic() + WAIT_S
    while '"code": "EROFS"' not in server.logs:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert signer.describe_signing_job(jobId=job_id)["status"] == "InProgress"
    small_disk.mount("umount")
    assert finished(server, job_id)["status"] == "Succeeded"
    assert audited(small_disk.data)["SigningSucceeded"] == len(signed(small_disk.data)) == 1


def test_clock_jumps(tmp_path: Path) -> None:
    clock = tmp_path / "clock"

    def jump(seconds: int) -> None:
        (tmp_path / "next").write_text(str(seconds))
        (tmp_path / "next").replace(clock)

    jump(0)
    server = Server(tmp_path / "data", program=(sys.executable, FAULTY, "clock", str(clock)))
    try:
        signer, request = server.client("signer"), upload(server)
        token, started = str(uuid.uuid4()), []
        for seconds in (0, 240, 10, 120):  # what a signature forgives
            jump(seconds)
            started.append(signer.start_signing_job(**request)["jobId"])
            assert finished(server, started[-1])["status"] == "Succeeded"
            assert signer.start_signing_job(**request, clientRequestToken=token)["jobId"] not in started
        for seconds, words in ((7200, "Signature expired"), (-7200, "Signature not yet current"), (10**9, "expired")):
            jump(seconds)
            with pytest.raises(ClientError, match=words):
                signer.start_signing_job(**request)
        jump(0)
        again = signer.start_signing_job(**request, clientRequestToken=token)["jobId"]
        assert finished(server, again)["status"] == "Succeeded"
        assert jobs_by_status(server)["Succeeded"] == {*started, again}
    finally:
        assert server.stop() == 0
    events = audited(tmp_path / "data")
    assert events["SigningIntended"] == events["SigningSucceeded"] == 5
