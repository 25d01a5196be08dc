import base64
import hashlib
import io
import json
import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotsign.algorithms import SIGNATURE_ALGORITHMS, SignatureAlgorithm, SignatureEncoding, signature_algorithm
from iotsign.errors import (
    MalformedImageError,
    SignatureMismatchError,
    StoreError,
    UnsupportedAlgorithmError,
    UnsupportedFormatError,
)
from iotsign.formats.jsonimage import PackedImage, check_json_format, pack_embedded, read_embedded, read_json_image

ECDSA = signature_algorithm("SHA256withECDSA")
IN_JSON = [
    kind for kind in SIGNATURE_ALGORITHMS if kind.encoding is not SignatureEncoding.PSS and "P1363" not in kind.name
]


def pack(
    payload: bytes,
    signature: bytes,
    *,
    guess: int | None = None,
    algorithm: SignatureAlgorithm = ECDSA,
    size: int | None = None,
) -> tuple[bytes, PackedImage]:
    with open_files(payload) as (fd_in, out):
        packed = pack_embedded(
            fd_in,
            out.fileno(),
            size=len(payload) if size is None else size,
            algorithm=algorithm,
            signature_size=len(signature) if guess is None else guess,
            sign=lambda _: signature,
        )
        out.seek(0)
        return out.read(), packed


class open_files:  # noqa: N801 - used like a function
    """A payload file open for reading, and an empty file open for both."""

    def __init__(self, payload: bytes) -> None:
        self.fd_in = os.memfd_create("payload")
        os.write(self.fd_in, payload)
        os.lseek(self.fd_in, 0, os.SEEK_SET)
        self.out: BinaryIO = io.FileIO(os.memfd_create("out"), "r+b")

    def __enter__(self) -> tuple[int, BinaryIO]:
        return self.fd_in, self.out

    def __exit__(self, *_: object) -> None:
        os.close(self.fd_in)
        self.out.close()


@pytest.fixture
def signed_file(tmp_path: Path) -> Iterator[BinaryIO]:
    data, _ = pack(b"firmware", b"signature")
    path = tmp_path / "app.signed"
    path.write_bytes(data)
    with path.open("rb") as file:
        yield file


def expected(payload: bytes, signature: bytes, algorithm: SignatureAlgorithm = ECDSA) -> bytes:
    """Write the layout a second time, from its description and not from the code."""
    return b'{"rawPayloadSize":%d,"signature":"%s","signatureAlgorithm":"%s","payload":"%s"}' % (
        len(payload),
        base64.b64encode(signature),
        algorithm.name.encode(),
        base64.b64encode(payload),
    )


def test_layout_is_byte_exact() -> None:
    data, packed = pack(b"firmware\x00", b"\x30\x01\x02")
    assert data == (
        b'{"rawPayloadSize":9,"signature":"MAEC","signatureAlgorithm":"SHA256withECDSA","payload":"ZmlybXdhcmUA"}'
    )
    assert packed.size == len(data)
    assert packed.raw_payload_size == 9
    assert packed.digest == hashlib.sha256(b"firmware\x00").digest()
    assert packed.signature == b"\x30\x01\x02"


def test_envelope_adds_189_bytes() -> None:
    payload = bytes(3_000_000)
    data, _ = pack(payload, bytes(71))
    assert len(data) - 4_000_000 == 189


@pytest.mark.parametrize("algorithm", IN_JSON, ids=lambda kind: kind.name)
def test_every_algorithm(algorithm: SignatureAlgorithm) -> None:
    data, packed = pack(b"firmware", b"signature", algorithm=algorithm)
    assert data == expected(b"firmware", b"signature", algorithm)
    hash_name = algorithm.hash.value if algorithm.hash else "SHA256"
    assert packed.digest == hashlib.new(hash_name, b"firmware").digest()


@pytest.mark.parametrize("guess", [0, 1, 68, 69, 70, 71, 72, 73, 75, 104, 512])
@pytest.mark.parametrize("length", [0, 1, 2, 3, 100_000])
def test_a_wrong_guess_of_the_signature_size_changes_nothing(guess: int, length: int) -> None:
    payload = os.urandom(length)
    data, packed = pack(payload, bytes(71), guess=guess)
    assert data == expected(payload, bytes(71))
    assert packed.size == len(data)


@given(payload=st.binary(max_size=5000), signature=st.binary(min_size=1, max_size=520), guess=st.integers(0, 600))
def test_round_trip(payload: bytes, signature: bytes, guess: int) -> None:
    data, _ = pack(payload, signature, guess=guess)
    assert list(json.loads(data)) == ["rawPayloadSize", "signature", "signatureAlgorithm", "payload"]
    with open_files(data) as (fd, out):
        image = read_json_image(fd, len(data), fd_out=out.fileno())
        out.seek(0)
        assert out.read() == payload
    assert image.image_format == "JSONEmbedded"
    assert (image.raw_payload_size, image.signature, image.algorithm) == (len(payload), signature, ECDSA)
    assert image.digest == hashlib.sha256(payload).digest()
    assert image.payload_offset is not None
    assert image.payload_length is not None
    encoded = data[image.payload_offset : image.payload_offset + image.payload_length]
    assert base64.b64decode(encoded, validate=True) == payload


@pytest.mark.parametrize("name", ["SHA256withECDSAinP1363Format", "SHA256withRSAandMGF1"])
def test_signatures_of_another_layout_are_not_written(name: str) -> None:
    with pytest.raises(UnsupportedAlgorithmError, match=name):
        pack(b"firmware", b"signature", algorithm=signature_algorithm(name))


@pytest.mark.parametrize("size", [7, 9])
def test_payload_that_is_being_written(size: int) -> None:
    with pytest.raises(StoreError, match=f"expected {size} bytes of payload, read 8") as caught:
        pack(b"firmware", b"signature", size=size)
    assert caught.value.code == "InputChanged"


def test_signer_that_fails() -> None:
    def sign(_: bytes) -> bytes:
        raise SignatureMismatchError("SignatureMismatch", "no")

    with open_files(b"firmware") as (fd_in, out), pytest.raises(SignatureMismatchError):
        pack_embedded(fd_in, out.fileno(), size=8, algorithm=ECDSA, signature_size=71, sign=sign)


def test_output_that_does_not_take_the_envelope(tmp_path: Path) -> None:
    path = tmp_path / "out"

    def sign(_: bytes) -> bytes:
        # the payload is written by now; only the members around it are missing
        resource.setrlimit(resource.RLIMIT_FSIZE, (40, limits[1]))
        return bytes(71)

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_files(b"firmware") as (fd_in, _), path.open("wb") as out:
        try:
            with pytest.raises(StoreError, match="File too large") as caught:
                pack_embedded(fd_in, out.fileno(), size=8, algorithm=ECDSA, signature_size=71, sign=sign)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.code == "WriteFailed"


@pytest.mark.parametrize("name", ["JSON", "json", "", "PKCS7"])
def test_format_names(name: str) -> None:
    with pytest.raises(UnsupportedFormatError) as caught:
        check_json_format(name)
    assert caught.value.code == ("ReservedImageFormat" if name == "JSON" else "UnknownImageFormat")


def test_unknown_algorithm_of_an_image() -> None:
    data = expected(b"x", b"s").replace(b"SHA256withECDSA", b"SHA256withDSA")
    with open_files(data) as (fd, _), pytest.raises(MalformedImageError, match="SHA256withDSA"):
        read_embedded(fd)


def test_empty_signature_of_an_image() -> None:
    # threat 20
    with open_files(expected(b"x", b"")) as (fd, _), pytest.raises(MalformedImageError):
        read_embedded(fd)


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"[1]", b"\x00"])
def test_what_is_not_json(data: bytes) -> None:
    with open_files(data) as (fd, _), pytest.raises(UnsupportedFormatError, match="offset 0"):
        read_json_image(fd, len(data))


@pytest.mark.parametrize("data", [b"{", b"{}", b"{]", b'{"payload":"'])
def test_what_only_begins_like_json(data: bytes) -> None:
    with open_files(data) as (fd, _), pytest.raises(MalformedImageError):
        read_json_image(fd, len(data))


def test_both_formats_through_one_door(signed_file: BinaryIO) -> None:
    assert read_json_image(signed_file.fileno(), 200).image_format == "JSONEmbedded"
    detached = (
        b'{"rawPayloadSize":1,"signature":"QQ==","signatureAlgorithm":"SHA256withECDSA",'
        b'"payloadLocation":{"s3":{"bucketName":"b","key":"k","version":"v"}}}'
    )
    with open_files(detached) as (fd, _):
        assert read_json_image(fd, len(detached)).image_format == "JSONDetached"


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file, pytest.raises(StoreError, match="cannot read"):
        read_json_image(file.fileno(), 0)
