"""Ten thousand odd requests, most of them signed well: each is answered, none with a 500.

`make test` takes a sample; IOTSIGN_ALL_VECTORS=1 takes all.
"""

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from asgi_client import KEY, REGION, OneKey, ask, sign

from iotsign.app.service import ServiceSettings, open_service
from iotsign.server import Metrics, create_application
from iotsign.server.protocol import operation_model, routes
from iotsign.server.s3 import S3Api
from iotsign.stores.objects import DirectoryObjects, Versioning

REQUESTS = 10_000
TEXTS = (
    "",
    "a",
    "ab",
    "x" * 70,
    "1234567890",
    KEY.account,
    "ä😀",
    "\x01\x7f",
    "../..",
    "local",
    "{}",
    "null",
    "a b",
    "%00",
    "arn:aws:signer:us-east-1:111122223333:/signing-profiles/local",
    "2026-01-01T00:00:00Z",
    "99999999999",
    "-1",
    "Active",
    "signer:StartSigningJob",
    "MCUboot-ECDSA-P256",
    "AmazonFreeRTOS-Default",
    "'; DROP TABLE profiles; --",
)
METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE")
PATHS = (
    "/",
    "/firmware",
    "/firmware/k",
    "/firmware/" + "x" * 1100,
    "/healthz",
    "/%",
    "//",
    "/..",
    "/a/%ff",
    "/firmware/%00",
)
QUERIES = (
    "versions",
    "versioning",
    "list-type=2",
    "uploads",
    "uploadId=x",
    "partNumber=1&uploadId=" + "0" * 32,
    "versionId=null",
    "max-keys=x",
    "max-keys=0",
    "prefix=%ff",
    "encoding-type=url",
    "a=b&a=b",
    "statuses=Active&statuses=x",
    "acl",
)


class Odd:
    """Makes odd requests that lean on the model."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self) -> str:
        return self.random.choice(TEXTS)

    def value(self, shape: Any, depth: int = 0) -> Any:
        if self.random.random() < 0.15 or depth > 4:
            odd: list[Any] = [None, True, 0, -1, 2**31, 1.5, 1e308, [], {}, "x", [[]], {"": None}, "\ud800", "\0"]
            return self.random.choice(odd)
        if shape.type_name == "structure":
            return {
                name: self.value(member, depth + 1)
                for name, member in shape.members.items()
                if self.random.random() < 0.8
            }
        if shape.type_name == "list":
            return [self.value(shape.member, depth + 1) for _ in range(self.random.randrange(3))]
        if shape.type_name == "map":
            return {self.text(): self.value(shape.value, depth + 1) for _ in range(self.random.randrange(3))}
        if enum := shape.metadata.get("enum"):
            return self.random.choice(enum)
        return {"integer": 5, "boolean": True, "timestamp": 1.7e9, "blob": "QUJD"}.get(shape.type_name, self.text())

    def signer(self) -> tuple[str, str, str, bytes]:
        route = self.random.choice(routes())
        shape = operation_model(route.operation).input_shape
        path, query, document = route.template, [], {}
        for name, member in shape.members.items():
            location = member.serialization.get("location")
            if location == "uri":
                path = path.replace(f"{{{name}}}", quote(self.text(), safe=self.random.choice(["", "/:"])))
            elif location == "querystring" and self.random.random() < 0.6:
                query.append(f"{name}={quote(self.text())}")
            elif location is None:
                value = self.value(member)
                document[name] = value
        body = json.dumps(document).encode() if self.random.random() < 0.9 else self.random.randbytes(50)
        return "signer", route.method, path + ("?" + "&".join(query) if query else ""), body

    def s3(self) -> tuple[str, str, str, bytes]:
        body = self.random.choice(
            [
                b"",
                b"x" * 100,
                b"<VersioningConfiguration/>",
                b"<a",
                b"<!DOCTYPE a><a/>",
                b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>",
            ]
        )
        query = f"?{self.random.choice(QUERIES)}" if self.random.random() < 0.6 else ""
        return "s3", self.random.choice(METHODS), self.random.choice(PATHS) + query, body

    def headers(self, body: bytes) -> list[tuple[str, str]]:
        odd = [
            ("content-type", "text/plain"),
            ("content-encoding", "gzip"),
            ("range", "bytes=9-1"),
            ("x-amz-checksum-crc32", "x"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
            ("content-md5", "x"),
            ("if-match", "x"),
            ("x-amz-meta-a", "ä"),
            ("expect", "100-continue"),
            ("x-amz-decoded-content-length", "12"),
        ]
        found = self.random.sample(odd, self.random.choice([0, 0, 1, 2]))
        return [*found, ("content-length", str(len(body)))] if self.random.random() < 0.9 else found


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    with open_service(ServiceSettings(tmp_path, sync_objects=False)) as opened, ThreadPoolExecutor(2) as executor:
        assert isinstance(opened.objects, DirectoryObjects)
        opened.objects.create_bucket("firmware", KEY.account)
        opened.objects.set_versioning("firmware", Versioning.ENABLED)
        s3 = S3Api(opened.objects, OneKey(), REGION, executor, lambda: datetime.now(UTC))
        made = create_application(opened.service, OneKey(), region=REGION, metrics=Metrics(), s3=s3)
        yield made.asgi


def test_odd_requests(application: Callable[..., Any], stride: int) -> None:
    async def run() -> dict[int, int]:
        odd, seen = Odd(6), dict[int, int]()
        for number in range(REQUESTS // stride * (1 if stride == 1 else 2)):
            service, method, target, body = odd.signer() if number % 3 else odd.s3()
            headers = odd.headers(body)
            if odd.random.random() < 0.95:
                try:
                    headers = sign(service, method, target, body, headers)
                except UnicodeError:
                    continue
            pieces: list[dict[str, Any]] = [{"type": "http.request", "body": body}]
            if odd.random.random() < 0.05:
                pieces = [{"type": "http.request", "body": body[:5], "more_body": True}, {"type": "http.disconnect"}]
            answer = await ask(application, method, target, headers=headers, messages=pieces)
            assert 200 <= answer.status < 500 or answer.status == 501, (method, target, body, headers, answer)
            seen[answer.status] = seen.get(answer.status, 0) + 1
        return seen

    seen = asyncio.run(run())
    assert {200, 400, 403, 404} <= set(seen), seen
