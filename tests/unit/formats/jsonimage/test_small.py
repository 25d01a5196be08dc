import base64
import hashlib
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotsign.algorithms import signature_algorithm
from iotsign.errors import UnsupportedAlgorithmError
from iotsign.formats.jsonimage import MAX_PREFIX, JsonImage, SmallObjects, pack_small, read_embedded

ECDSA = signature_algorithm("SHA256withECDSA")


def read_small(files: list[tuple[int, int, bytes]]) -> list[JsonImage | None]:
    objects = SmallObjects(files)
    objects.read()
    return objects.images()


def read_one(data: bytes) -> JsonImage | None:
    fd = os.memfd_create("image")
    try:
        os.write(fd, data)
        (image,) = read_small([(fd, len(data), data[:MAX_PREFIX])])
    finally:
        os.close(fd)
    return image


@given(payload=st.binary(max_size=3000), signature=st.binary(min_size=1, max_size=512))
def test_reads_what_the_streaming_reader_reads(payload: bytes, signature: bytes) -> None:
    data = pack_small(payload, signature, ECDSA)
    fd = os.memfd_create("image")
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    assert read_one(data) == read_embedded(fd)
    os.close(fd)


def test_many_at_once_each_for_itself() -> None:
    others = [b"{}", GOOD, GOOD[:-1], pack_small(b"firmware" * 9000, b"s", ECDSA)]
    fds = [os.memfd_create("image") for _ in others]
    for fd, data in zip(fds, others, strict=True):
        os.write(fd, data)
    images = read_small([(fd, len(data), data[:MAX_PREFIX]) for fd, data in zip(fds, others, strict=True)])
    for fd in fds:
        os.close(fd)
    assert images == [read_one(data) for data in others]
    assert [image is None for image in images] == [True, False, True, False]
    assert images[3] is not None
    assert images[3].digest == hashlib.sha256(b"firmware" * 9000).digest()


def test_other_hashes_are_left() -> None:
    assert read_one(pack_small(b"firmware", b"signature", signature_algorithm("SHA1withRSA"))) is None


GOOD = pack_small(b"firmware", b"signature", ECDSA)
MEMBERS = json.loads(GOOD)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'"}',
        GOOD[:-1],
        GOOD + b"\n",
        b" " + GOOD,
        json.dumps(MEMBERS).encode(),
        json.dumps(dict(reversed(MEMBERS.items())), separators=(",", ":")).encode(),
        GOOD.replace(b":8,", b":9,"),
        GOOD.replace(b":8,", b":08,"),
        GOOD.replace(b":8,", b":-8,"),
        GOOD.replace(b":8,", b":,"),
        GOOD[:-2] + b'}"',
        GOOD.replace(b"SHA256withECDSA", b"SHA256withDSA"),
        GOOD.replace(b"SHA256withECDSA", b"SHA256withRSAandMGF1"),
        GOOD.replace(b"SHA256with", b"SHA256\xffwith"),
        GOOD.replace(base64.b64encode(b"signature"), b""),
        GOOD.replace(base64.b64encode(b"signature"), b"c2l="),
        GOOD.replace(base64.b64encode(b"firmware"), b"Zmlyb XdhcmU="),
        GOOD.replace(b'"signature":', b'"signature":"","signature":'),
        GOOD.replace(b',"payload"', b',"extra":1,"payload"'),
        GOOD[:-2] + b'","payload":"Zmlyb XdhcmU="}',
        b'{"rawPayloadSize":0,"signature":"' + b"A" * 4000 + b'","signatureAlgorithm":"SHA256withECDSA","payload":""}',
    ],
)
def test_leaves_everything_else(data: bytes) -> None:
    assert read_one(data) is None


def test_every_flip_is_left_or_read_as_something_else() -> None:
    # threat 17
    good = read_one(GOOD)
    for offset in range(len(GOOD)):
        for bit in range(8):
            flipped = GOOD[:offset] + bytes([GOOD[offset] ^ 1 << bit]) + GOOD[offset + 1 :]
            image = read_one(flipped)
            if image is not None:
                assert image != good
                payload = base64.b64decode(flipped[image.payload_offset : -2])
                assert image.digest == hashlib.sha256(payload).digest()
                assert pack_small(payload, image.signature, image.algorithm) == flipped


def test_signatures_of_another_layout_are_not_written() -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        pack_small(b"", b"s", signature_algorithm("SHA256withRSAandMGF1"))
