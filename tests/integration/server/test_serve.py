"""Starting, serving over TLS, stopping."""

import datetime
import ipaddress
import os
import random
import signal
import socket
import subprocess
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from boto3.s3.transfer import TransferConfig
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from server_process import IOTSIGN, WAIT_S, Server


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A TLS certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "tls.crt").write_bytes(certificate.public_bytes(pem))
    (folder / "tls.key").touch(0o600)
    none = serialization.NoEncryption()
    (folder / "tls.key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, none))
    return folder / "tls.crt", folder / "tls.key"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = make_certificate(folder)
    found = Server(folder / "data", "--tls-certificate", str(certificate), "--tls-key", str(key))
    yield found, certificate
    assert found.stop() == 0


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC64NVME", "SHA256"])
def test_over_tls_boto3_sends_chunks_with_trailing_checksums(tls: tuple[Server, Path], algorithm: str) -> None:
    server, certificate = tls
    s3 = server.client("s3", verify=certificate)
    seen: list[bytes] = []
    s3.meta.events.register(
        "before-send.s3.PutObject", lambda request, **_: seen.append(request.headers["X-Amz-Content-SHA256"])
    )
    content = random.Random(4).randbytes(3 << 20)
    answer = s3.put_object(Bucket="firmware", Key=algorithm, Body=content, ChecksumAlgorithm=algorithm)
    assert seen == [b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"]
    assert answer[f"Checksum{algorithm}"]
    assert s3.get_object(Bucket="firmware", Key=algorithm)["Body"].read() == content


def test_parts_over_tls(tls: tuple[Server, Path], tmp_path: Path) -> None:
    server, certificate = tls
    content = random.Random(5).randbytes(11 << 20)
    (tmp_path / "large").write_bytes(content)
    config = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    s3 = server.client("s3", verify=certificate)
    s3.upload_file(str(tmp_path / "large"), "firmware", "large", Config=config)
    assert s3.get_object(Bucket="firmware", Key="large")["Body"].read() == content


def test_unsigned_bodies_over_tls(tls: tuple[Server, Path]) -> None:
    server, certificate = tls
    s3 = server.client("s3", verify=certificate, s3={"payload_signing_enabled": False})
    s3.put_object(Bucket="firmware", Key="unsigned", Body=b"x")
    signer = server.client("signer", verify=certificate)
    assert signer.get_signing_profile(profileName="local")["status"] == "Active"


def serve(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(IOTSIGN), "serve", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_what_cannot_be_served(tmp_path: Path) -> None:
    nobody = serve("--data", tmp_path / "empty", "--port", 0)
    assert (nobody.returncode, "iotsign access add" in nobody.stderr) == (2, True)
    certificate, key = make_certificate(tmp_path)
    local = ["--local", "--data", tmp_path / "data", "--port", 0]
    half = serve(*local, "--tls-certificate", certificate)
    assert (half.returncode, "both a TLS certificate and its key" in half.stderr) == (2, True)
    wrong = serve(*local, "--tls-certificate", certificate, "--tls-key", certificate)
    assert wrong.returncode in {2, 4}
    key.chmod(0o644)
    opened = serve(*local, "--tls-certificate", certificate, "--tls-key", key)
    assert (opened.returncode, "chmod 600" in opened.stderr) == (4, True)
    key.chmod(0o600)
    key.write_bytes(b"no key")
    broken = serve(*local, "--tls-certificate", certificate, "--tls-key", key)
    assert (broken.returncode, "cannot use the TLS certificate" in broken.stderr) == (2, True)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        used = serve("--local", "--data", tmp_path / "data", "--port", taken.getsockname()[1])
    assert (used.returncode, "cannot listen on 127.0.0.1" in used.stderr) == (5, True)
    unknown = serve(*local, "--host", "name.invalid")
    assert (unknown.returncode, "there is no TLS" in unknown.stderr) == (5, True)
    assert not (tmp_path / "data" / "aws.env").exists()


def test_stopping_finishes_what_is_under_way_and_a_new_start_goes_on(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    environment = server.environment
    s3, signer = server.client("s3"), server.client("signer")
    version = s3.put_object(Bucket="firmware", Key="k", Body=random.Random(6).randbytes(1 << 20))["VersionId"]
    source = {"s3": {"bucketName": "firmware", "key": "k", "version": version}}
    destination = {"s3": {"bucketName": "firmware", "prefix": "out/"}}
    started: list[str] = []

    def start() -> None:
        client = server.client("signer")
        for _ in range(8):
            try:
                answer = client.start_signing_job(
                    source=source, destination=destination, profileName="local", clientRequestToken=str(uuid.uuid4())
                )
            except Exception:  # noqa: BLE001  # it is gone
                return
            started.append(answer["jobId"])

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    while len(started) < 6:
        time.sleep(0.01)
    assert server.stop() == 0
    for thread in threads:
        thread.join()
    again = Server(tmp_path / "data")
    try:
        assert {k: v for k, v in again.environment.items() if "URL" not in k} == {
            k: v for k, v in environment.items() if "URL" not in k
        }
        signer = again.client("signer")
        deadline = time.monotonic() + WAIT_S
        for job_id in started:  # nothing that was acknowledged is lost
            while signer.describe_signing_job(jobId=job_id)["status"] == "InProgress":
                assert time.monotonic() < deadline
                time.sleep(0.05)
            assert signer.describe_signing_job(jobId=job_id)["status"] == "Succeeded"
    finally:
        assert again.stop() == 0


def test_two_servers_on_one_folder(tmp_path: Path) -> None:
    first = Server(tmp_path / "data")
    second = Server(tmp_path / "data")
    try:
        made = first.client("signer").put_signing_profile(profileName="both", platformId="AWSLambda-SHA384-ECDSA")
        got = second.client("signer").get_signing_profile(profileName="both")
        assert got["profileVersion"] == made["profileVersion"]
    finally:
        assert first.stop() == 0
        assert second.stop(2) == 0  # SIGINT


def test_workers_share_port_folder_and_counts_and_are_replaced(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", "--workers", "2")
    try:
        first = children(server.process.pid)
        assert len(first) == 2
        s3, signer = server.client("s3"), server.client("signer")
        version = s3.put_object(Bucket="firmware", Key="k", Body=b"firmware")["VersionId"]
        source = {"s3": {"bucketName": "firmware", "key": "k", "version": version}}
        destination = {"s3": {"bucketName": "firmware", "prefix": "out/"}}
        jobs = []
        for _ in range(10):
            fresh = server.client("signer")  # a connection of its own, to whichever worker takes it
            token = str(uuid.uuid4())
            made = fresh.start_signing_job(
                source=source, destination=destination, profileName="local", clientRequestToken=token
            )
            jobs.append(made["jobId"])
        for job_id in jobs:
            signer.get_waiter("successful_signing_job").wait(jobId=job_id, WaiterConfig={"Delay": 1})
        metrics = urllib.request.urlopen(f"{server.url}/metrics").read().decode()
        assert 'iotsign_job_steps_total{step="succeeded"} 10.0' in metrics
        assert "iotsign_jobs_in_hand 0.0" in metrics
        os.kill(first[0], signal.SIGKILL)
        deadline = time.monotonic() + WAIT_S
        while len(found := children(server.process.pid)) < 2 or first[0] in found:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert server.client("signer").describe_signing_job(jobId=jobs[0])["status"] == "Succeeded"
        assert '"event": "worker ended"' in server.logs
    finally:
        assert server.stop() == 0


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", "--workers", "2")
    workers = children(server.process.pid)
    assert server.stop(signal.SIGKILL) == -signal.SIGKILL
    deadline = time.monotonic() + WAIT_S
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
