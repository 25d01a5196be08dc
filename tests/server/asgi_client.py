"""The application without sockets: one call, one answer."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from iotsign.server.sigv4 import AccessKey

HOST = "service.test"
REGION = "us-east-1"
KEY = AccessKey("AKIAEXAMPLEEXAMPLE00", "secret", "111122223333", "arn:aws:iam::111122223333:user/me")


@dataclass
class OneKey:
    """A keyring of one key."""

    key: AccessKey = KEY

    def find(self, access_key_id: str) -> AccessKey | None:
        """Find it."""
        return self.key if access_key_id == self.key.access_key_id else None


@dataclass
class Answer:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def sign(
    service: str,
    method: str,
    target: str,
    body: bytes = b"",
    headers: Iterable[tuple[str, str]] = (),
    key: AccessKey = KEY,
) -> list[tuple[str, str]]:
    """Let botocore sign a request and give its headers."""
    request = AWSRequest(method=method, url=f"http://{HOST}{target}", data=body)
    for name, value in headers:
        request.headers.add_header(name, value)
    auth = S3SigV4Auth if service == "s3" else SigV4Auth
    auth(Credentials(key.access_key_id, key.secret, key.session_token), service, REGION).add_auth(request)
    return [("host", HOST), *((name.lower(), str(value)) for name, value in request.headers.items())]


async def ask(
    application: Callable[..., Any],
    method: str,
    target: str,
    *,
    headers: Iterable[tuple[str, str]] = (),
    messages: Iterable[dict[str, Any]] = ({"type": "http.request", "body": b""},),
    http_version: str = "1.1",
) -> Answer:
    """Send the messages of one request and collect the answer."""
    parts = urlsplit(target)
    scope = {
        "type": "http",
        "http_version": http_version,
        "method": method,
        "path": parts.path,
        "raw_path": parts.path.encode("latin-1"),
        "query_string": parts.query.encode("latin-1"),
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
    }
    waiting = iter(messages)
    answer = Answer()

    async def receive() -> dict[str, Any]:
        found = next(waiting, None)
        if found is None:
            await asyncio.sleep(3600)
        assert found is not None
        return found

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")

    await application(scope, receive, send)
    return answer
