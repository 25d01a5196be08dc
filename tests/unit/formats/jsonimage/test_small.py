import base64
import hashlib
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotsign.algorithms import signature_algorithm
from iotsign.errors import UnsupportedAlgorithmError
from iotsign.formats.jsonimage import pack_small, read_embedded, read_small

ECDSA = signature_algorithm("SHA256withECDSA")


@given(payload=st.binary(max_size=3000), signature=st.binary(min_size=1, max_size=512))
def test_reads_what_the_streaming_reader_reads(payload: bytes, signature: bytes) -> None:
    data = pack_small(payload, signature, ECDSA)
    small = read_small(data)
    assert small is not None
    assert small.payload == payload
    fd = os.memfd_create("image")
    os.write(fd, data)
    os.lseek(fd, 0, os.SEEK_SET)
    assert small.with_digest(hashlib.sha256(payload).digest()) == read_embedded(fd)
    os.close(fd)


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
    assert read_small(data) is None


def test_every_flip_is_left_or_read_as_something_else() -> None:
    # threat 17
    good = read_small(GOOD)
    for offset in range(len(GOOD)):
        for bit in range(8):
            flipped = GOOD[:offset] + bytes([GOOD[offset] ^ 1 << bit]) + GOOD[offset + 1 :]
            small = read_small(flipped)
            if small is not None:
                assert small != good
                assert pack_small(small.payload, small.signature, small.algorithm) == flipped


def test_signatures_of_another_layout_are_not_written() -> None:
    with pytest.raises(UnsupportedAlgorithmError):
        pack_small(b"", b"s", signature_algorithm("SHA256withRSAandMGF1"))
