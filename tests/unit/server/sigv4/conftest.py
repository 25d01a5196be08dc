"""Requests signed by botocore, as they come over the wire."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from iotsign.server.sigv4 import AccessKey, WireRequest

REGION = "eu-central-1"
KEY = AccessKey("AKIDEXAMPLE", "secret/with+chars", "111122223333", "arn:aws:iam::111122223333:user/ci")
SESSION = AccessKey(
    "ASIAEXAMPLE",
    "another secret",
    "111122223333",
    "arn:aws:sts::111122223333:assumed-role/ci/1",
    role="arn:aws:iam::111122223333:role/ci",
    session_token="a+session/token==",
    expires_at=datetime(2100, 1, 1, tzinfo=UTC),
)


@dataclass
class Ring:
    keys: dict[str, AccessKey] = field(default_factory=lambda: {key.access_key_id: key for key in (KEY, SESSION)})

    def find(self, access_key_id: str) -> AccessKey | None:
        return self.keys.get(access_key_id)


_AUTHS = {
    ("signer", False): SigV4Auth,
    ("signer", True): SigV4QueryAuth,
    ("s3", False): S3SigV4Auth,
    ("s3", True): S3SigV4QueryAuth,
}


@pytest.fixture
def keyring() -> Ring:
    return Ring()


@pytest.fixture
def access_key() -> AccessKey:
    return KEY


@pytest.fixture
def session_key() -> AccessKey:
    return SESSION


@pytest.fixture
def region() -> str:
    return REGION


@pytest.fixture
def signed() -> Callable[..., WireRequest]:
    """Let botocore sign a request and give what would be sent."""

    def make(
        method: str = "GET",
        url: str = "http://127.0.0.1:8000/signing-jobs",
        *,
        service: str = "signer",
        query_auth: bool = False,
        key: AccessKey = KEY,
        params: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        region: str = REGION,
        expires: int = 300,
    ) -> WireRequest:
        request = AWSRequest(method=method, url=url, params=params, headers=headers, data=body)
        options = {"expires": expires} if query_auth else {}
        credentials = Credentials(key.access_key_id, key.secret, key.session_token)
        _AUTHS[service, query_auth](credentials, service, region, **options).add_auth(request)
        prepared = request.prepare()
        parts = urlsplit(prepared.url)
        sent = [("host", parts.netloc)] if "host" not in prepared.headers else []
        sent += [(name.lower(), value) for name, value in prepared.headers.items()]
        sent = [(name, value.decode("latin-1") if isinstance(value, bytes) else value) for name, value in sent]
        return WireRequest(method, parts.path.encode(), parts.query.encode(), tuple(sent))

    return make
