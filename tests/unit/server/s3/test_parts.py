"""What S3's clients send in headers and XML, and every way to get it wrong."""

from typing import Any

import pytest

from iotsign.errors import (
    AccessDeniedError,
    LimitExceededError,
    ResourceNotFoundError,
    StoreError,
    ThrottledError,
    ValidationError,
)
from iotsign.server.s3._api import read_parts
from iotsign.server.s3._body import MAX_UPLOAD, Upload
from iotsign.server.s3._faults import s3_fault_of
from iotsign.server.s3._route import find_call
from iotsign.server.s3._xml import element, read_xml, xml
from iotsign.server.sigv4 import AccessKey, Authenticated, Claim, PayloadMode, Scope, WireRequest


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (AccessDeniedError("InvalidSignatureException", "x"), "SignatureDoesNotMatch", 403),
        (AccessDeniedError("InvalidSignatureException", "x", skewed=True), "RequestTimeTooSkewed", 403),
        (AccessDeniedError("InvalidSignatureException", "x", region="r"), "AuthorizationHeaderMalformed", 400),
        (AccessDeniedError("Other", "x"), "AccessDenied", 403),
        (ThrottledError("Other", "x"), "SlowDown", 503),
        (ValidationError("Other", "x"), "InvalidRequest", 400),
        (ResourceNotFoundError("NoSuchKey", "x"), "NoSuchKey", 404),
        (LimitExceededError("Other", "secret"), "InternalError", 500),
        (StoreError("ENOSPC", "secret"), "InternalError", 500),
        (RuntimeError("secret"), "InternalError", 500),
    ],
)
def test_errors(error: Exception, code: str, status: int) -> None:
    fault = s3_fault_of(error)
    assert (fault.code, fault.status) == (code, status)
    assert "secret" not in fault.message


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<a",
        b"<Other/>",
        b"<Wanted></Other>",
        b"<Wanted/>x",
        b'<!DOCTYPE Wanted [<!ENTITY a "b">]><Wanted>&a;</Wanted>',
        b'<!DOCTYPE Wanted SYSTEM "file:///etc/passwd"><Wanted/>',
        b"<Wanted>&undefined;</Wanted>",
        b'<?xml version="1.0" encoding="unknown"?><Wanted/>',
        b"\xff\xfe",
    ],
)
def test_documents_that_are_none(document: bytes) -> None:
    with pytest.raises(ValidationError) as caught:
        read_xml(document, "Wanted")
    assert caught.value.code == "MalformedXML"


def test_documents() -> None:
    written = xml("Wanted", element("Key", "a&b<c>\x01"), element("Size", 7))
    found = read_xml(written, "Wanted")
    assert (found.findtext("Key"), found.findtext("Size")) == ("a&b<c>?", "7")


@pytest.mark.parametrize(
    "parts",
    [
        b"<Other/>",
        b"<Part><PartNumber>x</PartNumber><ETag>e</ETag></Part>",
        b"<Part><PartNumber>1000000</PartNumber></Part>",
        b"<Part/>",
        b"",
    ],
)
def test_lists_of_parts_that_are_none(parts: bytes) -> None:
    with pytest.raises(ValidationError) as caught:
        read_parts(b"<CompleteMultipartUpload>" + parts + b"</CompleteMultipartUpload>")
    assert caught.value.code == "MalformedXML"


@pytest.mark.parametrize(
    ("method", "path", "query", "code"),
    [
        ("GET", b"/b", ((b"acl", b""),), "NotImplemented"),
        ("DELETE", b"/b/k", (), "NotImplemented"),
        ("GET", b"/b", ((b"versions", b""), (b"versioning", b"")), "NotImplemented"),
        ("GET", b"/b", ((b"prefix", b"a"), (b"prefix", b"b")), "InvalidArgument"),
        ("GET", b"/b/%ff", (), "InvalidURI"),
        ("GET", b"/b", ((b"prefix", b"\xff"),), "InvalidURI"),
    ],
)
def test_what_is_not_known(method: str, path: bytes, query: Any, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        find_call(method, path, query)
    assert caught.value.code == code


def test_numbers_in_a_query() -> None:
    call = find_call("GET", b"/b", ((b"versions", b""), (b"max-keys", b"7")))
    assert (call.integer("max-keys", 1000, 5), call.integer("none", 3, 9)) == (5, 3)
    with pytest.raises(ValidationError):
        find_call("GET", b"/b", ((b"versions", b""), (b"max-keys", b"-1"))).integer("max-keys", 1, 2)


def authenticated(mode: PayloadMode) -> Authenticated:
    key = AccessKey("A", "s", "1" * 12, "arn")
    claim = Claim("A", Scope("20260101", "r", "s3"), ("host",), "0" * 64, None, "20260101T000000Z")
    return Authenticated(key, claim, b"/", (), mode, "", b"")


@pytest.mark.parametrize(
    ("mode", "headers", "code"),
    [
        (PayloadMode.UNSIGNED, {}, "MissingContentLength"),
        (PayloadMode.UNSIGNED, {"content-length": "x"}, "InvalidArgument"),
        (PayloadMode.UNSIGNED, {"content-length": str(MAX_UPLOAD + 1)}, "EntityTooLarge"),
        (PayloadMode.SIGNED_CHUNKS, {"content-length": "5"}, "MissingContentLength"),
        (PayloadMode.UNSIGNED, {"content-length": "5", "content-md5": "ä"}, "InvalidDigest"),
        (PayloadMode.UNSIGNED, {"content-length": "5", "x-amz-trailer": "x-amz-checksum-crc32"}, "InvalidRequest"),
        (
            PayloadMode.UNSIGNED_CHUNKS_TRAILER,
            {"x-amz-decoded-content-length": "5", "x-amz-trailer": "x-other"},
            "InvalidRequest",
        ),
    ],
)
def test_uploads_that_promise_wrongly(mode: PayloadMode, headers: dict[str, str], code: str) -> None:
    request = WireRequest("PUT", b"/b/k", b"", tuple(headers.items()))
    with pytest.raises(ValidationError) as caught:
        Upload(request, authenticated(mode))
    assert caught.value.code == code
