"""SigV4: what botocore signs, we accept; what was changed afterwards, we refuse.

The whole run takes 100,000 requests (IOTSIGN_ALL_VECTORS=1, `make vectors`); `make test` takes a sample.
"""

import hashlib
import random
import string
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from iotsign.errors import AccessDeniedError
from iotsign.server.sigv4 import SERVICES, AccessKey, WireRequest, authenticate, check_body

REQUESTS = 100_000
REGIONS = ("us-east-1", "eu-central-1", "local")
AUTHS = {
    ("signer", False): SigV4Auth,
    ("signer", True): SigV4QueryAuth,
    ("s3", False): S3SigV4Auth,
    ("s3", True): S3SigV4QueryAuth,
}
ALPHABET = string.ascii_letters + string.digits + "-._~ !\"#$%&'()*+,/:;<=>?@[\\]^`{|}äß€☃😀\n\t"
HEADER_TEXT = string.ascii_letters + string.digits + "-._~ !#$%&'()*+,/:;<=>?@[]^`{|}  \t"


class OneKey:
    def __init__(self, key: AccessKey) -> None:
        self.key = key

    def find(self, access_key_id: str) -> AccessKey | None:
        return self.key if access_key_id == self.key.access_key_id else None


class Maker:
    """Makes random requests and has botocore sign them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self, longest: int, alphabet: str = ALPHABET) -> str:
        return "".join(self.random.choices(alphabet, k=self.random.randrange(longest)))

    def path(self) -> str:
        segments = [quote(self.text(12), safe=self.random.choice(["~", "", "~:"])) for _ in range(4)]
        odd = self.random.choices(["", ".", "..", "%2E", "%2F"], k=self.random.choice([0, 0, 1, 2]))
        segments += odd
        self.random.shuffle(segments)
        return "/" + "/".join(segments)

    def key(self) -> AccessKey:
        token = self.text(40, string.ascii_letters + "+/=") or None if self.random.random() < 0.3 else None
        return AccessKey(
            "AKIA" + self.text(16, string.ascii_uppercase), self.text(40) + "x", "1" * 12, "arn", None, token
        )

    def signed(self) -> tuple[WireRequest, bytes, str, str, AccessKey]:
        service, presigned = self.random.choice(list(AUTHS))
        key, region = self.key(), self.random.choice(REGIONS)
        method = self.random.choice(["GET", "PUT", "POST", "DELETE", "HEAD"])
        body = self.random.randbytes(self.random.choice([0, 1, 300])) if not presigned else b""
        headers = {f"x-amz-{self.text(5, string.ascii_lowercase)}q": self.text(20, HEADER_TEXT) for _ in range(2)}
        headers |= {"Content-Type": "application/json"} if self.random.random() < 0.5 else {}
        headers |= {"User-Agent": "unsigned"} | (
            {"Date": "now"} if self.random.random() < 0.1 and not presigned else {}
        )
        params = {self.text(8) + "k": self.text(12) for _ in range(self.random.randrange(4))}
        host = self.random.choice(["127.0.0.1:8000", "localhost", "signer.example.com:443"])
        request = AWSRequest(
            method=method, url=f"http://{host}{self.path()}", headers=headers, params=params, data=body
        )
        credentials = Credentials(key.access_key_id, key.secret, key.session_token)
        AUTHS[service, presigned](credentials, service, region).add_auth(request)
        prepared = request.prepare()
        parts = urlsplit(prepared.url)
        sent = [("host", prepared.headers.get("host", parts.netloc))]
        sent += [(name.lower(), str(value)) for name, value in prepared.headers.items() if name.lower() != "host"]
        return WireRequest(method, parts.path.encode(), parts.query.encode(), tuple(sent)), body, service, region, key

    def changed(self, request: WireRequest) -> WireRequest:
        """One change to what is signed."""
        kind = self.random.choice(["method", "path", "query", "host", "header", "more"])
        headers = list(request.headers)
        if kind == "method":
            return replace(request, method="PATCH")
        if kind == "path":
            return replace(request, path=request.path.rstrip(b"/") + b"/x")
        if kind == "query":
            return replace(request, query=request.query + (b"&" if request.query else b"") + b"evil=1")
        if kind == "host":
            headers[0] = ("host", headers[0][1] + "0")
        elif kind == "header":
            position = next(
                i for i, (name, _) in enumerate(headers) if name.startswith("x-amz-") and name.endswith("q")
            )
            headers[position] = (headers[position][0], headers[position][1] + "1")
        else:
            headers.append(("x-amz-evil", "1"))
        return replace(request, headers=tuple(headers))


def test_what_botocore_signs_is_accepted_and_what_was_changed_is_not(stride: int) -> None:  # threat 29
    maker = Maker(20170825)
    for number in range(REQUESTS if stride == 1 else 1_500):
        request, body, service, region, key = maker.signed()
        digest = hashlib.sha256(body).hexdigest()

        def judge(wire: WireRequest) -> None:
            found = authenticate(
                wire,
                keyring=OneKey(key),  # noqa: B023  # called before the loop goes on
                service=SERVICES[service],  # noqa: B023
                region=region,  # noqa: B023
                now=datetime.now(UTC),
                body_sha256=digest,  # noqa: B023
            )
            check_body(found, digest)  # noqa: B023

        try:
            judge(request)
        except AccessDeniedError as error:
            pytest.fail(f"request {number}: {error.message}: {request}")
        with pytest.raises(AccessDeniedError):
            judge(maker.changed(request))
