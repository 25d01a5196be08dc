"""What strangers try, against the shipped server as a process."""

import http.client
import os
import socket
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from server_process import IOTSIGN, Server

from iotsign.server.protocol import routes
from iotsign.server.sigv4 import PayloadMode

LABELS = {
    "profileName": "local",
    "jobId": "5f0c3b0e-7d1a-4c8e-9b52-1f4a6d2c7e90",
    "platformId": "AmazonFreeRTOS-Default",
    "statementId": "s",
    "resourceArn": "arn%3Aaws%3Asigner%3Aus-east-1%3A111122223333%3A%2Fsigning-profiles%2Flocal",
}
S3_ROUTES = [
    ("GET", "/"),
    ("PUT", "/threat-bucket"),
    ("HEAD", "/firmware"),
    ("PUT", "/firmware?versioning"),
    ("GET", "/firmware?versioning"),
    ("GET", "/firmware?versions"),
    ("GET", "/firmware?list-type=2"),
    ("PUT", "/firmware/threat"),
    ("GET", "/firmware/threat"),
    ("HEAD", "/firmware/threat"),
    ("POST", "/firmware/threat?uploads"),
    ("PUT", "/firmware/threat?partNumber=1&uploadId=" + "0" * 32),
    ("POST", "/firmware/threat?uploadId=" + "0" * 32),
    ("DELETE", "/firmware/threat?uploadId=" + "0" * 32),
]
ROUTES = [("signer", route.method, route.template.format(**LABELS)) for route in routes()]
ROUTES += [("s3", method, path) for method, path in S3_ROUTES]
AUTHS = {
    ("signer", False): SigV4Auth,
    ("signer", True): SigV4QueryAuth,
    ("s3", False): S3SigV4Auth,
    ("s3", True): S3SigV4QueryAuth,
}
BODY = b'{"platformId":"AmazonFreeRTOS-Default","profileName":"threat"}'


def credentials(server: Server, *, wrong: bool = False) -> Credentials:
    secret = server.environment["AWS_SECRET_ACCESS_KEY"]
    return Credentials(server.environment["AWS_ACCESS_KEY_ID"], secret[::-1] if wrong else secret)


def sign(server: Server, service: str, method: str, path: str, *, query: bool, wrong: bool = False) -> AWSRequest:
    body = BODY if method in {"PUT", "POST"} else b""
    request = AWSRequest(method=method, url=server.url + path, data=body, headers={"Content-Type": "application/json"})
    AUTHS[service, query](credentials(server, wrong=wrong), service, "us-east-1").add_auth(request)
    return request


def sign_as(server: Server, service: str, method: str, path: str, word: str, *, wrong: bool) -> AWSRequest:
    """Sign with ``x-amz-content-sha256`` set to a word."""
    body = BODY if method in {"PUT", "POST"} else b""
    if word.startswith("STREAMING"):  # a chunk whose signature is made up
        body = b"%x;chunk-signature=%s\r\n%s\r\n0;chunk-signature=%s\r\n\r\n" % (len(body), b"0" * 64, body, b"0" * 64)
    headers = {"X-Amz-Content-SHA256": word, "X-Amz-Decoded-Content-Length": str(len(BODY))}
    request = AWSRequest(method=method, url=server.url + path, data=body, headers=headers)
    SigV4Auth(credentials(server, wrong=wrong), service, "us-east-1").add_auth(request)
    return request


def send(server: Server, request: AWSRequest) -> tuple[int, bytes]:
    parts = urlsplit(request.url)
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    prepared = request.prepare()
    connection.request(request.method, target, body=prepared.body, headers=dict(prepared.headers.items()))
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, content


def written(server: Server) -> Any:
    """What the service keeps: objects, records, the length of the audit log."""
    files = sorted(str(path) for path in (server.data / "objects").rglob("*") if path.is_file())
    with sqlite3.connect(f"file:{server.data}/records.db?mode=ro", uri=True) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = {name: database.execute(f"SELECT count(*) FROM {name}").fetchone() for name in tables}
    database.close()
    return files, counts, (server.data / "iotsign.audit").stat().st_size


@pytest.mark.parametrize(("service", "method", "path"), ROUTES, ids=lambda value: str(value)[:40])
def test_no_route_opens_without_a_good_signature(server: Server, service: str, method: str, path: str) -> None:
    # threat 27
    before = written(server)
    good, bad = (sign(server, service, method, path, query=False, wrong=wrong) for wrong in (False, True))
    bad_query = sign(server, service, method, path, query=True, wrong=True)
    both = sign(server, service, method, path, query=True)
    both.headers["Authorization"] = good.headers["Authorization"]
    attempts = [AWSRequest(method=method, url=server.url + path, data=b""), bad, bad_query, both]
    for mode in PayloadMode:
        attempts.append(sign_as(server, service, method, path, mode.value, wrong=True))
        if service == "signer":  # not even with the right key
            attempts.append(sign_as(server, service, method, path, mode.value, wrong=False))
    if (service, method) == ("s3", "PUT"):
        attempts += [
            sign_as(server, service, method, "/firmware/threat", mode.value, wrong=False)
            for mode in (PayloadMode.SIGNED_CHUNKS, PayloadMode.SIGNED_CHUNKS_TRAILER)
        ]
    for attempt in attempts:
        status, _ = send(server, attempt)
        assert status == 403, attempt.headers
    assert written(server) == before


def test_another_service_or_none(server: Server) -> None:
    for service in ("iam", "sts"):
        request = AWSRequest(method="GET", url=server.url + "/signing-jobs")
        SigV4Auth(credentials(server), service, "us-east-1").add_auth(request)
        assert send(server, request)[0] == 403


def test_a_request_sent_again_starts_no_second_job(server: Server) -> None:  # threat 28
    s3, signer = server.client("s3"), server.client("signer")
    version = s3.put_object(Bucket="firmware", Key="replay", Body=b"x")["VersionId"]
    captured: list[Any] = []
    signer.meta.events.register("before-send.signer.StartSigningJob", lambda request, **_: captured.append(request))
    source = {"s3": {"bucketName": "firmware", "key": "replay", "version": version}}
    destination = {"s3": {"bucketName": "firmware", "prefix": "replay/"}}
    job_id = signer.start_signing_job(source=source, destination=destination, profileName="local")["jobId"]
    (request,) = captured
    for _ in range(3):
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        connection.request(request.method, urlsplit(request.url).path, request.body, dict(request.headers.items()))
        response = connection.getresponse()
        assert (response.status, job_id.encode() in response.read()) == (200, True)
        connection.close()


def test_a_presigned_url_that_is_over(server: Server) -> None:  # threat 28
    client = server.client("s3", signature_version="s3v4")
    url = client.generate_presigned_url("list_buckets", ExpiresIn=1)
    assert send(server, AWSRequest(method="GET", url=url))[0] in {200, 403}
    time.sleep(2.1)
    status, content = send(server, AWSRequest(method="GET", url=url))
    assert status == 403
    assert b"Request has expired" in content


def connect(server: Server) -> socket.socket:
    parts = urlsplit(server.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=60)


HEAD = b"GET /healthz HTTP/1.1\r\nHost: h\r\n"
POST = b"POST /signing-jobs HTTP/1.1\r\nHost: h\r\n"
SECOND = b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.mark.parametrize(
    "data",
    [
        POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SECOND,
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + SECOND + b"\r\n0\r\n\r\n",
        POST + b"Content-Length: 0\r\nContent-Length: 38\r\n\r\n" + SECOND,
        POST + b"Content-Length: 0, 38\r\n\r\n" + SECOND,
        POST + b"Content-Length: +0\r\n\r\n" + SECOND,
        POST + b"Content-Length : 0\r\n\r\n" + SECOND,
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SECOND,
        POST + b"Transfer-Encoding: xchunked\r\n\r\n" + SECOND,
        POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + SECOND,
        POST + b"X: a\r\n folded: Content-Length: 38\r\n\r\n" + SECOND,
        POST + b"X: a\r\n\tfolded\r\n\r\n" + SECOND,
        POST + b"Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n" + SECOND,
        POST + b"Content-Length: 0\r\n X: y\r\n\r\n" + SECOND,
        HEAD + b"\x00: y\r\n\r\n" + SECOND,
        b"GET /healthz\r\n\r\n" + SECOND,
    ],
)
def test_smuggling(server: Server, data: bytes) -> None:  # threat 30
    """At most one answer, and it is a refusal; what hides behind the first request is never answered."""
    with connect(server) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    assert answer.count(b"HTTP/1.1 ") <= 1
    assert b"iotsign_requests" not in answer
    assert answer[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 403", b""}


def test_a_head_without_end(server: Server) -> None:
    with connect(server) as connection:
        try:
            for _ in range(2000):
                connection.sendall(b"GET / HTTP/1.1\r\nX: " if _ == 0 else b"a" * 1000)
            answer = connection.recv(1000)
        except OSError:
            answer = b""
    assert answer == b"" or b"400" in answer


def test_a_body_that_is_too_large(server: Server) -> None:
    request = AWSRequest(method="POST", url=server.url + "/signing-jobs", data=b" " * ((1 << 20) + 1))
    SigV4Auth(credentials(server), "signer", "us-east-1").add_auth(request)
    status, content = send(server, request)
    assert (status, b"RequestEntityTooLargeException" in content) == (413, True)


def test_secrets_stay_inside(server: Server) -> None:  # threat 31
    with pytest.raises(ClientError):
        server.client("signer").describe_signing_job(jobId="x")
    secret = server.environment["AWS_SECRET_ACCESS_KEY"]
    process = Path(f"/proc/{server.process.pid}")
    for text in (server.logs, (process / "cmdline").read_text(), (process / "environ").read_text()):
        assert secret not in text
        assert "PRIVATE KEY" not in text
    assert (server.data / "access.toml").stat().st_mode & 0o077 == 0
    assert (server.data / "aws.env").stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in server.data.glob("records.db*"))


def test_an_access_file_that_others_can_read_denies_everybody(tmp_path: Path) -> None:  # threats 20, 31
    found = Server(tmp_path / "data")
    try:
        client = found.client("signer")
        client.get_signing_profile(profileName="local")
        access = found.data / "access.toml"
        access.chmod(0o644)
        time.sleep(1.1)
        with pytest.raises(ClientError, match="internal error"):
            client.get_signing_profile(profileName="local")
        connection = http.client.HTTPConnection(urlsplit(found.url).netloc, timeout=60)
        connection.request("GET", "/readyz")
        response = connection.getresponse()
        assert (response.status, response.read()) == (503, b"OpenToOthers\n")
        connection.close()
        access.chmod(0o600)
        time.sleep(1.1)
        client.get_signing_profile(profileName="local")
        access.chmod(0o640)
    finally:
        assert found.stop() == 0
    done = subprocess.run([IOTSIGN, "serve", "--data", found.data, "--port", "0"], capture_output=True, text=True)
    assert done.returncode == 4
    assert "chmod 600" in done.stderr
    assert os.fspath(found.data) in done.stderr


def test_hashes_name_the_body(server: Server) -> None:
    """A body other than the one that was signed is refused, on either service."""
    for service, path in (("signer", "/signing-jobs"), ("s3", "/firmware/threat")):
        request = sign(server, service, "POST" if service == "signer" else "PUT", path, query=False)
        request.data = BODY[::-1]
        status, content = send(server, request)
        assert status == (403 if service == "signer" else 400), content
