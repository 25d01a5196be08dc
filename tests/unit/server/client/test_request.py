"""Requests from documents and options, and what is refused in them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from iotsign.errors import ConfigError, FormatError
from iotsign.server.client import missing_members, read_document, read_options, with_token
from iotsign.server.client._shorthand import parse_shorthand


def read(operation: str, **members: Any) -> dict[str, Any]:
    return read_document(operation, json.dumps(members).encode())


def test_times_and_blobs() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    for text in ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05", "2026-01-02T04:04:05+01:00", moment.timestamp()):
        assert read("RevokeSigningProfile", effectiveTime=text) == {"effectiveTime": moment}
    assert read("SignPayload", payload="AAE=") == {"payload": b"\0\1"}
    assert read_options("SignPayload", {"payload": b"\0\1"}) == {"payload": b"\0\1"}


def test_a_null_is_no_member() -> None:
    assert read("SignPayload", payload=None, profileName="p1") == {"profileName": "p1"}


@pytest.mark.parametrize(
    ("operation", "members", "problem"),
    [
        ("GetSigningProfile", {"ProfileName": "x"}, "ProfileName: no such member; expected profileName, profileOwner"),
        ("GetSigningProfile", {"profileName": 5}, "profileName: expected a text, got 5"),
        ("ListSigningJobs", {"maxResults": "many"}, 'maxResults: expected a whole number, got "many"'),
        ("ListSigningJobs", {"maxResults": True}, "maxResults: expected a whole number, got true"),
        ("ListSigningJobs", {"isRevoked": "perhaps"}, "isRevoked: expected true or false"),
        ("ListSigningJobs", {"signatureExpiresAfter": "soon"}, "signatureExpiresAfter: expected a time such as"),
        ("ListSigningJobs", {"signatureExpiresAfter": 1e30}, "signatureExpiresAfter: expected a time such as"),
        ("ListSigningJobs", {"signatureExpiresAfter": []}, "signatureExpiresAfter: expected a time such as"),
        ("StartSigningJob", {"source": {"s3": {"bucket": "b"}}}, "source.s3.bucket: no such member"),
        ("StartSigningJob", {"source": "s3={}"}, "source: expected an object"),
        ("PutSigningProfile", {"tags": ["a"]}, "tags: expected an object"),
        ("UntagResource", {"tagKeys": "a"}, "tagKeys: expected a list"),
        ("UntagResource", {"tagKeys": ["a", 1]}, r"tagKeys\[1\]: expected a text"),
        ("SignPayload", {"payload": "%"}, "payload: expected base64"),
    ],
)
def test_documents_that_do_not_fit(operation: str, members: dict[str, Any], problem: str) -> None:
    with pytest.raises(FormatError, match=problem) as caught:
        read(operation, **members)
    assert caught.value.code == "UnfitMember"


@pytest.mark.parametrize("document", [b"", b"{", b"\xff", b"[" * 100_000, b"[]", b"5"])
def test_what_is_no_document(document: bytes) -> None:
    with pytest.raises(FormatError):
        read_document("GetSigningProfile", document)


def test_options() -> None:
    options = {
        "profileName": "p1",
        "signingMaterial": "arn:aws:acm:x",
        "signatureValidityPeriod": "value=3,type=DAYS",
        "tags": ("a=b,c=d", '{"e": "f,g"}'),
        "overrides": '{"signingImageFormat": "JSON"}',
        "platformId": None,
        "signingParameters": (),
    }
    assert read_options("PutSigningProfile", options) == {
        "profileName": "p1",
        "signingMaterial": {"certificateArn": "arn:aws:acm:x"},
        "signatureValidityPeriod": {"value": 3, "type": "DAYS"},
        "tags": {"a": "b", "c": "d", "e": "f,g"},
        "overrides": {"signingImageFormat": "JSON"},
    }


@pytest.mark.parametrize(
    ("operation", "options", "problem"),
    [
        ("PutSigningProfile", {"tags": ("a",)}, "tags: expected '=', got the end at character 2 of 'a'"),
        ("PutSigningProfile", {"overrides": "{"}, "overrides: Expecting property name"),
        ("PutSigningProfile", {"overrides": "x=y"}, "overrides.x: no such member"),
        (
            "PutSigningProfile",
            {"signatureValidityPeriod": "value=x"},
            "signatureValidityPeriod.value: expected a whole",
        ),
        ("ListSigningJobs", {"signatureExpiresAfter": "soon"}, "signatureExpiresAfter: expected a time"),
    ],
)
def test_options_that_do_not_fit(operation: str, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        read_options(operation, options)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "a name, got the end"),
        ("a", "'=', got the end"),
        ("a=b,", "a name, got the end"),
        ("a=b}", "a comma, got '}'"),
        ("a={b=c", "a comma or }, got the end"),
        ("a=b,a=c", "'a' once, got it twice"),
        ("a=[b", "',', got the end"),
        ("a=" + "[" * 20, "at most 16 brackets"),
        ("a='b", "a comma, got"),
    ],
)
def test_what_is_no_shorthand(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_shorthand(text)


def test_required_members_and_tokens() -> None:
    assert missing_members("PutSigningProfile", {"profileName": "p1"}) == ["platformId"]
    assert missing_members("ListSigningJobs", {}) == []
    one, two = with_token("StartSigningJob", {}), with_token("StartSigningJob", {})
    assert one["clientRequestToken"] != two["clientRequestToken"]
    assert with_token("StartSigningJob", {"clientRequestToken": "t"}) == {"clientRequestToken": "t"}
    assert with_token("GetSigningProfile", {}) == {}
