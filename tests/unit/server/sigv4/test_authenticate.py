"""Who may pass: the form of a signature, its time, scope and headers; one table a rule."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from iotsign.errors import AccessDeniedError
from iotsign.server.sigv4 import (
    S3,
    SIGNER,
    AccessKey,
    Authenticated,
    Keyring,
    PayloadMode,
    WireRequest,
    authenticate,
    check_body,
    read_claim,
)

EMPTY = hashlib.sha256().hexdigest()
Signed = Callable[..., WireRequest]
Judge = Callable[..., Authenticated]


@pytest.fixture
def judge(keyring: Keyring, region: str) -> Judge:
    def judge(request: WireRequest, **options: Any) -> Authenticated:
        defaults: dict[str, Any] = {"service": SIGNER, "region": region, "now": datetime.now(UTC), "body_sha256": EMPTY}
        return authenticate(request, keyring=keyring, **(defaults | options))

    return judge


def with_header(request: WireRequest, name: str, value: str | None) -> WireRequest:
    """Replace a header, or take it away."""
    rest = tuple(pair for pair in request.headers if pair[0] != name)
    return replace(request, headers=rest if value is None else (*rest, (name, value)))


def refused(judge: Judge, request: WireRequest, **options: Any) -> str:
    """The name of the exception that a request is refused with."""
    with pytest.raises(AccessDeniedError) as caught:
        judge(request, **options)
    return caught.value.code


@pytest.mark.parametrize("query_auth", [False, True])
def test_says_who_it_is_and_what_was_signed(
    signed: Signed, judge: Judge, session_key: AccessKey, query_auth: bool
) -> None:
    params = {"maxResults": "5", "nextToken": "a b+c/ä"}
    found = judge(signed(key=session_key, params=params, query_auth=query_auth))
    assert found.key is session_key
    assert found.path == b"/signing-jobs"
    assert dict(found.query) == {b"maxResults": b"5", b"nextToken": "a b+c/ä".encode()}
    assert found.mode is PayloadMode.SIGNED
    assert found.payload_sha256 == EMPTY


def test_routes_on_the_path_that_was_signed(signed: Signed, judge: Judge) -> None:
    request = signed(url="http://h/signing-jobs")
    assert judge(replace(request, path=b"//x/../signing-jobs")).path == b"/signing-jobs"
    assert refused(judge, replace(request, path=b"/signing-jobs/")) == "InvalidSignatureException"


@pytest.mark.parametrize("query_auth", [False, True])
@pytest.mark.parametrize("minutes", [-5.1, 5.1])
def test_clock_skew(signed: Signed, judge: Judge, query_auth: bool, minutes: float) -> None:  # threat 28
    request = signed(query_auth=query_auth, expires=300)
    judge(request, now=datetime.now(UTC) + timedelta(minutes=4.9))
    judge(request, now=datetime.now(UTC) - timedelta(minutes=4.9))
    later = minutes > 0
    expected = "RequestExpired" if query_auth and later else "InvalidSignatureException"
    assert refused(judge, request, now=datetime.now(UTC) + timedelta(minutes=minutes)) == expected


def test_a_presigned_url_lives_as_long_as_it_says(signed: Signed, judge: Judge) -> None:  # threat 28
    request = signed(query_auth=True, expires=604_800)
    judge(request, now=datetime.now(UTC) + timedelta(seconds=604_700))
    assert refused(judge, request, now=datetime.now(UTC) + timedelta(seconds=604_900)) == "RequestExpired"
    for expires in (0, 604_801, -1, "1e3", "٣"):
        assert refused(judge, signed(query_auth=True, expires=expires)) == "IncompleteSignature"


def test_each_byte_of_scope_and_host(signed: Signed, judge: Judge) -> None:  # threat 28
    request = signed()
    authorization = request.get("authorization")
    begin, end = authorization.index("Credential="), authorization.index(", Signature=")
    for position in range(begin, end):
        changed = authorization[:position] + chr(ord(authorization[position]) ^ 1) + authorization[position + 1 :]
        refused(judge, with_header(request, "authorization", changed))
    host = request.get("host")
    for position in range(len(host)):
        changed = host[:position] + chr(ord(host[position]) ^ 1) + host[position + 1 :]
        assert refused(judge, with_header(request, "host", changed)) == "InvalidSignatureException"


def test_each_byte_of_a_presigned_query(signed: Signed, judge: Judge) -> None:  # threat 28
    request = signed(query_auth=True, params={"maxResults": "5"})
    for position in range(len(request.query)):
        changed = bytearray(request.query)
        changed[position] ^= 1
        refused(judge, replace(request, query=bytes(changed)))


def test_another_region_or_service(signed: Signed, judge: Judge) -> None:
    assert refused(judge, signed(region="us-east-1")) == "InvalidSignatureException"
    assert refused(judge, signed(service="s3")) == "InvalidSignatureException"
    assert refused(judge, signed(), service=S3) == "InvalidSignatureException"


def test_a_date_header_stands_in_for_x_amz_date(signed: Signed, judge: Judge) -> None:
    judge(signed(headers={"Date": "botocore writes it"}))
    request = signed()
    for date in ("yesterday", "Sun, 99 Nov 2026 22:00:00 GMT", "Mon, 01 Jan 10000 00:00:00 GMT"):
        changed = with_header(with_header(request, "x-amz-date", None), "date", date)
        assert refused(judge, changed) == "IncompleteSignature"
    basic = with_header(with_header(request, "x-amz-date", None), "date", request.get("x-amz-date"))
    assert refused(judge, basic) == "IncompleteSignature"  # x-amz-date was signed and is gone


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer abc",
        "AWS4-HMAC-SHA256",
        "AWS4-ECDSA-P256-SHA256 Credential=a/20260101/r/signer/aws4_request, SignedHeaders=host, Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=a/20260101/r/signer/aws4_request, SignedHeaders=host",
        "AWS4-HMAC-SHA256 Credential=a/20260101/r/signer/aws4_request, SignedHeaders=host, Signature=" + "0" * 63,
        "AWS4-HMAC-SHA256 Credential=a/20260101/r/signer/aws4_request, SignedHeaders=host, Signature=" + "A" * 64,
        "AWS4-HMAC-SHA256 Credential=a/20260101/r/signer/aws4_request, SignedHeaders=Host, Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=a/20260101/r/signer/aws4_request, SignedHeaders=x;host, Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=a/20260101/r/signer/aws4_request, SignedHeaders=host;host, Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=a/20260101/r/signer/aws4, SignedHeaders=host, Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=a/2026/r/signer/aws4_request, SignedHeaders=host, Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=/20260101/r/signer/aws4_request, SignedHeaders=host, Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=a/b/20260101/r/signer/aws4_request, SignedHeaders=host, Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=a/20260101/r/signer/aws4_request, Credential=b, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=a/20260101/r/signer/aws4_request, Extra=1, SignedHeaders=host, Signature=0",
    ],
)
def test_a_malformed_authorization(signed: Signed, judge: Judge, authorization: str) -> None:
    assert refused(judge, with_header(signed(), "authorization", authorization)) == "IncompleteSignature"


@pytest.mark.parametrize(
    ("find", "put"),
    [
        (b"AWS4-HMAC-SHA256", b"AWS4-HMAC-SHA1"),
        (b"X-Amz-Date=", b"X-Amz-Data="),
        (b"X-Amz-Expires=", b"X-Amz-Expiry="),
        (b"X-Amz-SignedHeaders=host", b"X-Amz-SignedHeaders="),
        (b"X-Amz-Credential=", b"X-Amz-Credential=%2F"),
        (b"X-Amz-Date=2", b"X-Amz-Date=x"),
        (b"X-Amz-Expires=300", b"X-Amz-Expires=300&X-Amz-Expires=300"),
        (b"X-Amz-Signature=", b"X-Amz-Signature=0"),
    ],
)
def test_a_malformed_presigned_query(signed: Signed, judge: Judge, find: bytes, put: bytes) -> None:
    request = signed(query_auth=True)
    assert find in request.query
    assert refused(judge, replace(request, query=request.query.replace(find, put))) == "IncompleteSignature"


def test_two_mechanisms_or_none(signed: Signed, judge: Judge) -> None:  # threat 27
    header, query = signed(), signed(query_auth=True)
    both = replace(header, query=query.query)
    assert refused(judge, both) == "IncompleteSignature"
    assert refused(judge, with_header(header, "authorization", None)) == "MissingAuthenticationTokenException"


@pytest.mark.parametrize(
    "name", ["authorization", "x-amz-date", "host", "x-amz-content-sha256", "x-amz-security-token"]
)
def test_a_header_sent_twice(signed: Signed, judge: Judge, session_key: AccessKey, name: str) -> None:
    request = signed(key=session_key, headers={"X-Amz-Content-SHA256": EMPTY})
    judge(request)
    twice = replace(request, headers=(*request.headers, (name, request.get(name))))
    assert refused(judge, twice) == "IncompleteSignature"


def test_no_date_at_all(signed: Signed, judge: Judge) -> None:
    assert refused(judge, with_header(signed(), "x-amz-date", None)) == "IncompleteSignature"


@pytest.mark.parametrize("stamp", ["2026-01-01T00:00:00Z", "20261301T000000Z", "20260101T000000", "00000101T000000Z"])
def test_a_date_in_another_form(signed: Signed, judge: Judge, stamp: str) -> None:
    assert refused(judge, with_header(signed(), "x-amz-date", stamp)) == "IncompleteSignature"


def test_scope_of_another_day(signed: Signed, judge: Judge) -> None:
    request = signed()
    authorization = request.get("authorization").replace(request.get("x-amz-date")[:8], "20200101")
    assert refused(judge, with_header(request, "authorization", authorization)) == "InvalidSignatureException"


def test_headers_that_must_be_signed(signed: Signed, judge: Judge) -> None:
    request = signed()
    assert refused(judge, with_header(request, "x-amz-extra", "1")) == "InvalidSignatureException"
    no_host = request.get("authorization").replace("host;", "")
    assert refused(judge, with_header(request, "authorization", no_host)) == "InvalidSignatureException"
    missing = request.get("authorization").replace("host;", "host;x-absent;")
    assert (
        refused(judge, with_header(request, "authorization", missing.replace("x-absent", "via")))
        == "IncompleteSignature"
    )


def test_session_tokens(
    signed: Signed, judge: Judge, keyring: Any, access_key: AccessKey, session_key: AccessKey
) -> None:
    judge(signed(key=session_key))
    for token in ("", "another"):
        wrong = replace(session_key, session_token=token or None)
        assert refused(judge, signed(key=wrong)) == "UnrecognizedClientException"
    uninvited = replace(access_key, session_token="token")
    assert refused(judge, signed(key=uninvited)) == "UnrecognizedClientException"
    keyring.keys[session_key.access_key_id] = replace(session_key, expires_at=datetime.now(UTC))
    assert refused(judge, signed(key=session_key)) == "ExpiredTokenException"


def test_an_unknown_key_and_a_wrong_secret(signed: Signed, judge: Judge, access_key: AccessKey) -> None:
    assert refused(judge, signed(key=replace(access_key, access_key_id="AKIANONE"))) == "UnrecognizedClientException"
    assert refused(judge, signed(key=replace(access_key, secret="guess"))) == "InvalidSignatureException"


@pytest.mark.parametrize("query_auth", [False, True])
@pytest.mark.parametrize(
    "word",
    [*(mode.value for mode in PayloadMode), "", "e3b0", EMPTY.upper(), "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"],
)
def test_ways_to_bind_a_body(signed: Signed, judge: Judge, word: str, query_auth: bool) -> None:  # threat 27
    request = signed(headers={"X-Amz-Content-SHA256": word}, query_auth=query_auth)
    assert refused(judge, request) == "InvalidSignatureException"


def test_the_body_that_came_is_the_one_that_was_signed(signed: Signed, judge: Judge) -> None:
    other = hashlib.sha256(b"other").hexdigest()
    implied = signed("POST", body=b"{}")
    assert refused(judge, implied, body_sha256=other) == "InvalidSignatureException"
    declared = judge(signed(headers={"X-Amz-Content-SHA256": EMPTY}), body_sha256=other)
    check_body(declared, EMPTY)
    with pytest.raises(AccessDeniedError, match="does not match what was computed"):
        check_body(declared, other)


def test_s3_takes_unsigned_and_chunked_bodies_and_wants_the_header(signed: Signed, judge: Judge) -> None:
    request = signed("PUT", "http://h/bucket/a%20b//c", service="s3")
    found = judge(request, service=S3)
    assert (found.path, found.mode, found.payload_sha256) == (b"/bucket/a%20b//c", PayloadMode.SIGNED, EMPTY)
    presigned = judge(signed("PUT", "http://h/bucket/key", service="s3", query_auth=True), service=S3)
    assert presigned.mode is PayloadMode.UNSIGNED
    assert presigned.payload_sha256 == ""
    bare = with_header(request, "x-amz-content-sha256", None)
    names = bare.get("authorization").replace("x-amz-content-sha256;", "")
    assert refused(judge, with_header(bare, "authorization", names), service=S3) == "IncompleteSignature"


def test_secrets_do_not_show(signed: Signed, judge: Judge, session_key: AccessKey) -> None:  # threat 31
    found = judge(signed(key=session_key))
    shown = repr(found) + str(found)
    assert session_key.secret not in shown
    assert repr(found.signing_key) not in shown
    assert str(session_key.session_token) not in repr(found.key)


def test_the_claim_can_be_read_before_the_body(signed: Signed) -> None:
    claim = read_claim(signed(service="s3", query_auth=True))
    assert (claim.scope.service, claim.presigned, claim.expires_s) == ("s3", True, 300)
