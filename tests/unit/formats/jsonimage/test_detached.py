import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotsign.algorithms import signature_algorithm
from iotsign.errors import MalformedImageError, UnsupportedAlgorithmError
from iotsign.formats.jsonimage import S3Location, pack_detached, read_detached

ECDSA = signature_algorithm("SHA256withECDSA")
SIGNATURE = bytes(range(70))
GOLDEN = (
    b'{"rawPayloadSize":366816,"signature":"'
    + base64.b64encode(SIGNATURE)
    + b'","signatureAlgorithm":"SHA256withECDSA",'
    b'"payloadLocation":{"s3":{"bucketName":"my-bucket","key":"dir/app.bin","version":"3sL4kqtJ"}}}'
)


def changed(**members: Any) -> bytes:
    return json.dumps(json.loads(GOLDEN) | members).encode()


def with_s3(**members: Any) -> bytes:
    location = json.loads(GOLDEN)["payloadLocation"]["s3"] | members
    return changed(payloadLocation={"s3": location})


def test_layout_is_byte_exact() -> None:
    location = S3Location("my-bucket", "dir/app.bin", "3sL4kqtJ")
    packed = pack_detached(raw_payload_size=366816, signature=SIGNATURE, algorithm=ECDSA, location=location)
    assert packed == GOLDEN


def test_read() -> None:
    image = read_detached(GOLDEN)
    assert image.image_format == "JSONDetached"
    assert image.raw_payload_size == 366816
    assert image.signature == SIGNATURE
    assert image.algorithm is ECDSA
    assert image.location == S3Location("my-bucket", "dir/app.bin", "3sL4kqtJ")
    assert (image.digest, image.payload_offset, image.payload_length) == (None, None, None)


def test_keys_may_come_in_any_order_and_with_white_space() -> None:
    members = json.loads(GOLDEN)
    assert read_detached(json.dumps(dict(reversed(members.items())), indent=2).encode()) == read_detached(GOLDEN)


@given(
    size=st.integers(0, 2**63 - 1),
    signature=st.binary(min_size=1, max_size=600),
    names=st.tuples(*[st.text(st.characters(codec="utf-8"), max_size=50)] * 3),
)
def test_round_trip(size: int, signature: bytes, names: tuple[str, str, str]) -> None:
    location = S3Location(*names)
    packed = pack_detached(raw_payload_size=size, signature=signature, algorithm=ECDSA, location=location)
    image = read_detached(packed)
    assert (image.raw_payload_size, image.signature, image.location) == (size, signature, location)


@pytest.mark.parametrize("name", ["SHA256withECDSAinP1363Format", "SHA256withRSAandMGF1"])
def test_signatures_of_another_layout_are_not_written(name: str) -> None:
    with pytest.raises(UnsupportedAlgorithmError, match=name):
        pack_detached(
            raw_payload_size=1, signature=b"s", algorithm=signature_algorithm(name), location=S3Location.local("x")
        )


# threat 11
@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "NotAnObject"),
        (b"[]", "NotAnObject"),
        (GOLDEN[:-1], "BadJson"),
        (GOLDEN[:-4], "NotAnObject"),
        (b" " + GOLDEN, "NotAnObject"),
        (GOLDEN + b"\n", "NotAnObject"),
        (b"\xef\xbb\xbf" + GOLDEN, "NotAnObject"),
        (GOLDEN.decode().encode("utf-16-le"), "NotAnObject"),
        (GOLDEN + GOLDEN, "BadJson"),
        (GOLDEN[:-1] + b",}", "BadJson"),
        (GOLDEN.replace(b'"SHA', b"'SHA"), "BadJson"),
        (GOLDEN.replace(b"my-bucket", b"my\x00bucket"), "BadJson"),
        (GOLDEN.replace(b"my-bucket", b"my\xffbucket"), "NotUtf8"),
        (GOLDEN.replace(b"my-bucket", rb"my\ud800bucket"), "NotUtf8"),
        (GOLDEN[:-1] + b',"rawPayloadSize":366816}', "DuplicateKey"),
        (GOLDEN.replace(b'"key":"dir/app.bin"', b'"key":"a","key":"b"'), "DuplicateKey"),
        (GOLDEN.replace(b"366816", b"NaN"), "BadNumber"),
        (GOLDEN.replace(b"366816", b"Infinity"), "BadNumber"),
        (GOLDEN.replace(b"366816", b"-Infinity"), "BadNumber"),
        (GOLDEN.replace(b"366816", b"366816.0"), "BadNumber"),
        (GOLDEN.replace(b"366816", b"3e5"), "BadNumber"),
        (GOLDEN.replace(b"366816", b"-1"), "BadNumber"),
        (GOLDEN.replace(b"366816", b"-0"), "BadNumber"),
        (GOLDEN.replace(b"366816", b"9" * 20), "BadNumber"),
        (GOLDEN.replace(b"366816", b"9" * 60_000), "BadNumber"),
        (GOLDEN.replace(b"366816", b"0366816"), "BadJson"),
        (GOLDEN.replace(b"366816", b"9" * 100_000), "ObjectTooLarge"),
        (b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "NestedTooDeep"),
        (b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "ObjectTooLarge"),
        (changed(extra=1), "UnexpectedKeys"),
        (b"{}", "UnexpectedKeys"),
        (changed(payloadLocation={}), "UnexpectedKeys"),
        (changed(payloadLocation={"s3": {}, "file": "x"}), "UnexpectedKeys"),
        (with_s3(arn="x"), "UnexpectedKeys"),
        (changed(rawPayloadSize=True), "UnexpectedType"),
        (changed(rawPayloadSize="1"), "UnexpectedType"),
        (changed(rawPayloadSize=None), "UnexpectedType"),
        (changed(signature=["x"]), "UnexpectedType"),
        (changed(payloadLocation=[]), "UnexpectedType"),
        (changed(payloadLocation={"s3": "x"}), "UnexpectedType"),
        (with_s3(version=1), "UnexpectedType"),
        (changed(signature=""), "EmptySignature"),
        (changed(signatureAlgorithm="SHA256withRSAandMGF1"), "UnknownSignatureAlgorithm"),
        (changed(signatureAlgorithm="sha256withecdsa"), "UnknownSignatureAlgorithm"),
        (changed(signatureAlgorithm=""), "UnknownSignatureAlgorithm"),
    ],
)
def test_read_refuses(data: bytes, code: str) -> None:
    with pytest.raises(MalformedImageError) as caught:
        read_detached(data)
    assert caught.value.code == code
    assert len(caught.value.message) < 500


# threat 12
@pytest.mark.parametrize(
    "text", ["QUJD\n", " QUJD", "QUI", "QUI==", "QUJ=", "QQ=", "Q-_=", "QUJDQQ==QQ==", "QQé=", "=", "Q"]
)
def test_read_refuses_base64_that_is_not_canonical(text: str) -> None:
    with pytest.raises(MalformedImageError):
        read_detached(changed(signature=text))
