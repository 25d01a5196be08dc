"""Reading Notation envelopes: what is read, and what is refused."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from issuing_chain import PAYLOAD, IssuingChain, make_claims

from iotsign.errors import FormatError, MalformedImageError, UnsupportedFormatError
from iotsign.formats.notation import LARGEST_ENVELOPE, SignatureClaims, read_envelope, sign_payload

CRITICAL = "io.cncf.notary.expiry"


@pytest.fixture(scope="module")
def envelope(chain: IssuingChain) -> dict[str, Any]:
    made = sign_payload(PAYLOAD, chain.signer, certificates=chain.certificates, claims=make_claims())
    loaded: dict[str, Any] = json.loads(made)
    return loaded


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def header_of(envelope: dict[str, Any]) -> dict[str, Any]:
    text = envelope["protected"]
    header: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return header


def with_header(envelope: dict[str, Any], **members: Any) -> dict[str, Any]:
    header = {name: value for name, value in (header_of(envelope) | members).items() if value is not None}
    return envelope | {"protected": encoded(header)}


def refused(envelope: dict[str, Any] | bytes, error: type[FormatError] = MalformedImageError) -> str:
    with pytest.raises(error) as caught:
        read_envelope(envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode())
    return caught.value.code


def test_what_was_written_is_read(envelope: dict[str, Any], chain: IssuingChain) -> None:
    read = read_envelope(json.dumps(envelope).encode())
    assert read.payload == PAYLOAD
    assert read.signature.claims == make_claims()
    assert read.signature.certificates == chain.certificates
    chain.signer.public_key.verify_digest(read.signature.digest, read.signature.value, read.signature.algorithm)


def test_what_others_may_add(envelope: dict[str, Any]) -> None:
    header = envelope["header"] | {"io.cncf.notary.signingAgent": "other/1.0"}
    name = "io.cncf.notary.verificationPluginMinVersion"
    critical = [*header_of(envelope)["crit"], name]
    given_ = with_header(envelope, crit=critical, **{name: "1.0.0"}) | {"header": header}
    assert read_envelope(json.dumps(given_).encode()).payload == PAYLOAD
    fine = with_header(envelope, **{"io.cncf.notary.authenticSigningTime": "2026-01-31T13:00:01.25+01:00"})
    assert read_envelope(json.dumps(fine).encode()).signature.claims == make_claims()
    assert read_envelope(json.dumps(with_header(envelope, kid="x")).encode()).payload == PAYLOAD


@pytest.mark.parametrize(
    ("name", "value"),
    [("alg", "ES256"), ("alg", "none"), ("alg", None), ("alg", 1), ("cty", "text/plain"), ("cty", None),
     ("io.cncf.notary.signingScheme", "notary.x509"), ("io.cncf.notary.verificationPlugin", "other")],
)  # fmt: skip
def test_another_kind_of_envelope(envelope: dict[str, Any], name: str, value: Any) -> None:
    # threat 6
    refused(with_header(envelope, **{name: value}), UnsupportedFormatError)


def test_crit(envelope: dict[str, Any]) -> None:
    header = header_of(envelope)
    critical: list[Any] = header["crit"]
    for crit in (None, "x", [], [*critical, critical[0]], [*critical, "alg"], [*critical, "missing"], [*critical, 1]):
        refused(with_header(envelope, crit=crit))
    strange = with_header(envelope, crit=[*critical, "com.example.more"], **{"com.example.more": "x"})
    assert refused(strange, UnsupportedFormatError) == "UnknownCritical"
    for name in critical:
        assert refused(with_header(envelope, crit=[other for other in critical if other != name])) == "BadParameter"
        kept = {other: value for other, value in header.items() if other != name}
        kept["crit"] = [other for other in critical if other != name]
        refused(envelope | {"protected": encoded(kept)}, FormatError)


@pytest.mark.parametrize(
    "time",
    ["2027-01-31", "2027-01-31T12:00:00", "2027-13-31T12:00:00Z", "2027-01-31 12:00:00Z", "1769860801", "", 1,
     "2027-02-30T12:00:00Z", "2020-01-31T12:00:00Z", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"],
)  # fmt: skip
def test_times(envelope: dict[str, Any], time: Any) -> None:
    refused(with_header(envelope, **{CRITICAL: time}))


@pytest.mark.parametrize(
    "change",
    [
        {"payload": "e30="},
        {"payload": "e3"},
        {"payload": "e31"},
        {"payload": "e 0"},
        {"payload": "e30"},
        {"payload": 1},
        {"protected": "e30+"},
        {"protected": encoded([])},
        {"signature": "AA"},
        {"signature": ""},
        {"header": {}},
        {"header": []},
        {"header": {"x5c": []}},
        {"header": {"x5c": "AA=="}},
        {"header": {"x5c": ["AA=="]}},
        {"header": {"x5c": [1]}},
        {"header": {"x5c": ["AA"] * 9}},
        {"header": {"x5c": ["MA=="], "kid": "1"}},
        {"header": {"x5c": ["MA=="], "io.cncf.notary.signingAgent": 1}},
        {"more": 1},
    ],
)
def test_what_is_no_envelope(envelope: dict[str, Any], change: dict[str, Any]) -> None:
    refused(envelope | change, FormatError)


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"{" * 5000, b'{"payload":"\xff"}'])
def test_what_is_no_json(data: bytes) -> None:
    refused(data)


def test_a_large_one(envelope: dict[str, Any]) -> None:
    data = json.dumps(envelope).encode()
    padded = data[:-1] + b" " * (LARGEST_ENVELOPE - len(data)) + b"}"
    assert read_envelope(padded).payload == PAYLOAD
    assert refused(padded[:-1] + b" }") == "ObjectTooLarge"


def test_the_general_serialization_is_another_thing(envelope: dict[str, Any]) -> None:
    part = {name: envelope[name] for name in ("protected", "header", "signature")}
    refused({"payload": envelope["payload"], "signatures": [part]})


@given(
    annotations=st.dictionaries(st.text(max_size=9), st.text(max_size=30), max_size=5),
    size=st.integers(0, 2**63 - 1),
    seconds=st.integers(0, 2_000_000_000),
    validity=st.integers(1, 500_000_000),
)
def test_round_trip(chain: IssuingChain, annotations: dict[str, str], size: int, seconds: int, validity: int) -> None:
    target = {"mediaType": "a/b", "digest": "sha512:" + "0f" * 64, "size": size, "annotations": annotations}
    payload = json.dumps({"targetArtifact": target}).encode()
    made = datetime.fromtimestamp(seconds, UTC)
    claims = SignatureClaims(
        made, made + timedelta(seconds=validity), make_claims().job_arn, make_claims().profile_version_arn
    )
    read = read_envelope(sign_payload(payload, chain.signer, certificates=chain.certificates, claims=claims))
    assert read.payload == payload
    assert (read.target.size, dict(read.target.annotations)) == (size, annotations)
    assert read.signature.claims == claims
