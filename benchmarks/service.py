"""Put the server under load: signing jobs, payloads and profiles over HTTP, beside moto's server.

    PYTHONPATH=tests/server python benchmarks/service.py [--jobs 600] [--rounds 3] [--connections 32] [--seconds 10]
        [--workers 2] [--directory DIR]

`iotsign serve`, moto's server and the sender of requests share this machine. In each round the service signs a 64-KiB
image in --jobs jobs, with P-256, SQLite and buckets in a folder, until the last job has succeeded; then it signs
payloads and makes profiles, and moto makes as many profiles. Afterwards requests arrive at half the rates that are the
goals, for --seconds each. Processor time is that of the server's processes, user and system: it tells what a request
costs also where others use the machine. An ext4 without a journal looks for inodes that were not deleted in the last
minutes, which can take half of a job's time: give a --directory in another part of the disk than that of a run before.
"""

import argparse
import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from botocore.credentials import Credentials
from load import Load, send, write_request
from measure import Row, compile_package, report
from server_process import Server

from iotsign.stores.objects import DirectoryObjects

JOBS_PER_S, PAYLOADS_PER_S = 150, 400
IMAGE = 64 << 10
LARGE = 1 << 30
MIB = 1 << 20
TICKS = os.sysconf("SC_CLK_TCK")
TARGET = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": f"sha256:{'5a' * 32}", "size": 528}
PAYLOAD = json.dumps({"targetArtifact": TARGET}).encode()
PAYLOAD_FORMAT = "application/vnd.cncf.notary.payload.v1+json"


@dataclass(frozen=True)
class Work:
    """A load and what it took of the server.

    Attributes:
        count: Requests.
        elapsed_s: Until all was done.
        cpu_s: Processor time of the server.
        load: As the sender saw it.
    """

    count: int
    elapsed_s: float
    cpu_s: float
    load: Load

    @property
    def each_s(self) -> float:
        return self.elapsed_s / self.count

    @property
    def detail(self) -> str:
        cpu, sender = (seconds / self.count * 1e3 for seconds in (self.cpu_s, self.load.cpu_s))
        return (
            f"{self.count / self.elapsed_s:.0f}/s; each {cpu:.2f} ms of the server's CPU, {sender:.2f} of the sender's"
        )


def processes(pid: int) -> Iterator[int]:
    """A process and all that it started."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # the thread ended
            for child in (task / "children").read_text().split():
                yield from processes(int(child))


def cpu_of(pid: int) -> float:
    """Processor time, user and system, in seconds."""
    ticks = 0
    for process in processes(pid):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def memory_of(pid: int, name: str) -> int:
    """A size that /proc/PID/status tells, in bytes, of all processes together."""
    texts = [Path(f"/proc/{process}/status").read_text().splitlines() for process in processes(pid)]
    return sum(int(line.split()[1]) * 1024 for lines in texts for line in lines if line.startswith(f"{name}:"))


class Service:
    """The server under load, with what its requests need."""

    def __init__(self, server: Server, image: bytes) -> None:
        self.server, self.pid, self.url = server, server.process.pid, server.url
        environment = server.environment
        self.keys = Credentials(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
        self.signer, self.s3 = server.client("signer"), server.client("s3")
        self.signer.put_signing_profile(profileName="payloads", platformId="Notation-OCI-SHA384-ECDSA")
        version = self.s3.put_object(Bucket="firmware", Key="app.bin", Body=image)["VersionId"]
        self.job = {
            "source": {"s3": {"bucketName": "firmware", "key": "app.bin", "version": version}},
            "destination": {"s3": {"bucketName": "firmware", "prefix": "signed/"}},
            "profileName": "local",
        }

    def jobs(self, count: int) -> list[bytes]:
        bodies = [self.job | {"clientRequestToken": str(uuid.uuid4())} for _ in range(count)]
        return [write_request(self.url, "POST", "/signing-jobs", body, self.keys) for body in bodies]

    def payloads(self, count: int) -> list[bytes]:
        payload = base64.b64encode(PAYLOAD).decode()
        body = {"profileName": "payloads", "payload": payload, "payloadFormat": PAYLOAD_FORMAT}
        return [write_request(self.url, "POST", "/signing-jobs/with-payload", body, self.keys)] * count

    def profiles(self, count: int) -> list[bytes]:
        return put_profiles(self.url, count, self.keys)

    def wait_for_jobs(self) -> None:
        while self.signer.list_signing_jobs(status="InProgress", maxResults=1)["jobs"]:
            time.sleep(0.02)
        assert not self.signer.list_signing_jobs(status="Failed", maxResults=1)["jobs"]


def put_profiles(url: str, count: int, keys: Credentials) -> list[bytes]:
    """PutSigningProfile for a platform that needs no certificate, each with a name of its own."""
    body = {"platformId": "AWSLambda-SHA384-ECDSA"}
    names = [f"bench_{uuid.uuid4().hex}" for _ in range(count)]
    return [write_request(url, "PUT", f"/signing-profiles/{name}", body, keys) for name in names]


def under(
    pid: int,
    url: str,
    requests: list[bytes],
    connections: int,
    *,
    rate: float | None = None,
    done: Callable[[], None] = lambda: None,
) -> Work:
    """Send, wait until all is done, and tell what it took."""
    used = cpu_of(pid)
    load = send(url, requests, connections=connections, rate=rate)
    answered = time.perf_counter()
    assert load.statuses == {200}, (load.statuses, load.bodies[-1])
    done()
    return Work(len(requests), load.elapsed_s + time.perf_counter() - answered, cpu_of(pid) - used, load)


@contextmanager
def moto_server() -> Iterator[tuple[int, str]]:
    """moto's server on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_answers(f"{url}/moto-api/")
        yield process.pid, url
    finally:
        process.terminate()
        process.wait(60)


def wait_until_answers(url: str, timeout_s: float = 60) -> None:
    """Ask until the answer is 200."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with urllib.request.urlopen(url, timeout=timeout_s):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def start_to_ready(data: Path) -> float:
    """Seconds from starting the server on a folder that is set up to its word that it is ready."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = [str(Path(sys.executable).with_name("iotsign")), "serve", "--data", str(data), "--port", str(port)]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until_answers(f"http://127.0.0.1:{port}/readyz")
        return time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(60)


def large_job(data: Path) -> int:
    """Bytes by which a job of 1 GiB raises the peak of the server's memory."""
    server = Server(data)
    try:
        objects = DirectoryObjects(data / "objects", sync=False)
        with objects.stage() as staged:
            staged.truncate(LARGE)
            stored = objects.put("firmware", "large.bin", staged, etag="x")
        certificate = server.client("signer").get_signing_profile(profileName="local")["signingMaterial"]
        signer = server.client("signer")
        platform = "AWSIoTDeviceManagement-SHA256-ECDSA"
        signer.put_signing_profile(profileName="large", platformId=platform, signingMaterial=certificate)
        request: dict[str, Any] = {
            "source": {"s3": {"bucketName": "firmware", "key": "large.bin", "version": stored.version}},
            "destination": {"s3": {"bucketName": "firmware", "prefix": "signed/"}},
            "profileName": "large",
        }
        for pid in processes(server.process.pid):
            Path(f"/proc/{pid}/clear_refs").write_text("5")  # proc(5): forget the peak
        before = memory_of(server.process.pid, "VmRSS")
        job = signer.start_signing_job(**request)["jobId"]
        while (described := signer.describe_signing_job(jobId=job))["status"] == "InProgress":
            time.sleep(0.05)
        assert described["status"] == "Succeeded", described
        return memory_of(server.process.pid, "VmHWM") - before
    finally:
        server.stop()


def at_half(service: Service, options: argparse.Namespace) -> list[Row]:
    """The 99th percentile of answers, and of jobs from acceptance to success, at half the goals' rates."""
    rate, connections = JOBS_PER_S / 2, options.connections
    jobs = service.jobs(int(rate * options.seconds))
    work = under(service.pid, service.url, jobs, connections, rate=rate, done=service.wait_for_jobs)
    rows = [Row(f"StartSigningJob, p99 at {rate:.0f}/s", work.load.p99_s * 1e3, 100, "ms", detail=work.detail)]
    lives = []
    for job in service.signer.get_paginator("list_signing_jobs").paginate(PaginationConfig={"MaxItems": len(jobs)}):
        for found in job["jobs"]:
            described = service.signer.describe_signing_job(jobId=found["jobId"])
            lives.append((described["completedAt"] - described["createdAt"]).total_seconds())
    p99 = sorted(lives)[len(lives) * 99 // 100]
    rows.append(Row(f"job, accepted to Succeeded, p99 at {rate:.0f}/s", p99 * 1e3, 100, "ms"))
    rate = PAYLOADS_PER_S / 2
    work = under(service.pid, service.url, service.payloads(int(rate * options.seconds)), connections, rate=rate)
    rows.append(Row(f"SignPayload, p99 at {rate:.0f}/s", work.load.p99_s * 1e3, 100, "ms", detail=work.detail))
    return rows


def side_by_side(service: Service, options: argparse.Namespace) -> list[Row]:
    """Loads as fast as they are taken, in turn."""
    runs: dict[str, list[Work]] = {}
    pid, url, connections = service.pid, service.url, options.connections
    with moto_server() as (moto, moto_url):
        for number in range(options.rounds + 1):
            count = options.jobs if number else 50  # the first round warms up
            found = {"jobs": under(pid, url, service.jobs(count), connections, done=service.wait_for_jobs)}
            found["payloads"] = under(pid, url, service.payloads(count), connections)
            found["profiles"] = under(pid, url, service.profiles(count), connections)
            found["moto"] = under(moto, moto_url, put_profiles(moto_url, count, service.keys), connections)
            if number:
                for name, work in found.items():
                    runs.setdefault(name, []).append(work)

    def each(name: str) -> Work:
        return sorted(runs[name], key=lambda work: work.each_s)[len(runs[name]) // 2]

    rows = [
        Row(name, 1 / each(kind).each_s, goal, f"{kind}/s", at_least=True, detail=each(kind).detail)
        for name, kind, goal in (
            ("StartSigningJob to Succeeded", "jobs", JOBS_PER_S),
            ("SignPayload", "payloads", PAYLOADS_PER_S),
        )
    ]
    words = {"jobs": "a signing job", "payloads": "SignPayload", "profiles": "PutSigningProfile"}
    for name, what in words.items():
        ratio = median(mine.each_s / peer.each_s for mine, peer in zip(runs[name], runs["moto"], strict=True))
        cpu = median(mine.cpu_s / peer.cpu_s for mine, peer in zip(runs[name], runs["moto"], strict=True))
        detail = f"moto: {each('moto').detail}; CPU {cpu:.2f} ×"
        rows.append(Row(f"{what} / moto's PutSigningProfile", ratio, 1.0, detail=detail))
    return rows


def main() -> None:
    """Run everything and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=600)
    parser.add_argument("--workers", type=int, default=2, help="processes of the server")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--directory", type=Path, help="where the service's folder is made; by default build/")
    options = parser.parse_args()
    compile_package()
    parent = options.directory or Path(__file__).parents[1] / "build"
    home = Path(tempfile.mkdtemp(dir=parent, prefix="bench-service-"))
    try:
        server = Server(home / "service", "--workers", str(options.workers))
        try:
            service = Service(server, os.urandom(IMAGE))
            rows = side_by_side(service, options)
            rows += at_half(service, options)
        finally:
            server.stop()
        starts = [start_to_ready(home / "service") for _ in range(5)]
        rows.append(Row("start to ready", median(starts), 1, "s"))
        rows.append(Row("memory that a job of 1 GiB adds", large_job(home / "large") / MIB, 64, "MiB"))
    finally:
        shutil.rmtree(home)
    report("service", rows)


if __name__ == "__main__":
    main()
