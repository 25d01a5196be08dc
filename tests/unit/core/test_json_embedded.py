"""read_json_embedded reads what is well-formed, in one pass and whatever the order of the keys."""

import base64
import errno
import hashlib
import json
import os
import threading
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotsign import core
from iotsign.algorithms import HashAlgorithm
from iotsign.errors import MalformedImageError, StoreError, UnsupportedAlgorithmError

Opener = Callable[..., int]
Embed = Callable[..., bytes]
BLOCK = 768 * 1024
NAMES = {"SHA1withRSA": HashAlgorithm.SHA1, "SHA256withECDSA": HashAlgorithm.SHA256}


def hash_for(name: str) -> HashAlgorithm:
    return NAMES[name]


@pytest.mark.parametrize("size", [0, 1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1, 4 * BLOCK + 1, 6 * BLOCK])
def test_what_comes_out(opener: Opener, embed: Embed, tmp_path: Path, size: int) -> None:
    payload = os.urandom(size)
    image = embed(payload)
    output = opener(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    found = core.read_json_embedded(opener(image), hash_for, fd_out=output)
    assert found == core.JsonEmbedded(
        raw_payload_size=size,
        signature=b"signature",
        signature_algorithm="SHA256withECDSA",
        payload_offset=image.index(b'"payload":"') + 11,
        payload_length=(size + 2) // 3 * 4,
        digest=hashlib.sha256(payload).digest(),
    )
    assert (tmp_path / "out").read_bytes() == payload


@pytest.mark.parametrize("shift", range(5))
def test_wherever_the_window_ends(opener: Opener, embed: Embed, shift: int) -> None:
    """The end of the payload, its padding and what follows fall to both sides of 1 MiB."""
    empty = len(embed(b""))
    for length in range(1024 * 1024 - empty - 8, 1024 * 1024 - empty + 8, 4):
        payload = os.urandom(length // 4 * 3 - length % 3)
        spaces = " " * shift
        image = embed(payload).replace(b'"payload":', f'"payload":{spaces}'.encode())
        assert core.read_json_embedded(opener(image), hash_for).digest == hashlib.sha256(payload).digest()


@settings(max_examples=60, deadline=None)
@given(
    payload=st.binary(max_size=200),
    order=st.permutations(range(4)),
    spaces=st.lists(st.text(" \t\r\n", max_size=3), min_size=16, max_size=16),
    algorithm=st.sampled_from(list(NAMES)),
)
def test_any_order_and_white_space(
    tmp_path_factory: pytest.TempPathFactory, payload: bytes, order: list[int], spaces: list[str], algorithm: str
) -> None:
    members = [
        ("rawPayloadSize", str(len(payload))),
        ("signature", '"AAAA"'),
        ("signatureAlgorithm", f'"{algorithm}"'),
        ("payload", f'"{base64.b64encode(payload).decode()}"'),
    ]
    gap = iter(spaces)
    text = ",".join(f'{next(gap)}"{members[i][0]}"{next(gap)}:{next(gap)}{members[i][1]}{next(gap)}' for i in order)
    path = tmp_path_factory.mktemp("order") / "image"
    path.write_text("{" + text + "}", newline="")
    descriptor = os.open(path, os.O_RDONLY)
    try:
        found = core.read_json_embedded(descriptor, hash_for)
    finally:
        os.close(descriptor)
    assert found.digest == hashlib.new(NAMES[algorithm].value, payload).digest()
    assert found.raw_payload_size == json.loads(path.read_text())["rawPayloadSize"] == len(payload)
    assert path.read_bytes()[found.payload_offset :][: found.payload_length] == base64.b64encode(payload)


@pytest.mark.parametrize("order", list(permutations(["rawPayloadSize", "signatureAlgorithm", "payload"])))
def test_any_order_of_a_large_one(opener: Opener, embed: Embed, order: tuple[str, ...]) -> None:
    payload = os.urandom(5 * BLOCK)
    members = json.loads(embed(payload))
    image = json.dumps({key: members[key] for key in (*order, "signature")}, indent=1).encode()
    assert core.read_json_embedded(opener(image), hash_for).digest == hashlib.sha256(payload).digest()


def test_from_the_current_position(opener: Opener, embed: Embed) -> None:
    descriptor = opener(b"before" + embed(b"payload"))
    os.lseek(descriptor, 6, os.SEEK_SET)
    assert core.read_json_embedded(descriptor, hash_for).digest == hashlib.sha256(b"payload").digest()


@pytest.mark.parametrize("piece", [1, 7, 4096])
def test_through_pipes(embed: Embed, piece: int) -> None:
    """Neither the image nor the payload needs to be seekable, and a slow writer is waited for."""
    payload = os.urandom(3000 if piece == 1 else BLOCK + 1)
    image = embed(payload)
    reader, image_writer = os.pipe()
    payload_reader, writer = os.pipe()
    received = bytearray()

    def write() -> None:
        with os.fdopen(image_writer, "wb", buffering=0) as pipe:
            for start in range(0, len(image), piece):
                pipe.write(image[start : start + piece])

    def receive() -> None:
        with os.fdopen(payload_reader, "rb", buffering=0) as pipe:
            while part := pipe.read(10_000):
                received.extend(part)

    threads = [threading.Thread(target=write), threading.Thread(target=receive)]
    for thread in threads:
        thread.start()
    found = core.read_json_embedded(reader, hash_for, fd_out=writer)
    os.close(writer)
    for thread in threads:
        thread.join()
    os.close(reader)
    assert found.digest == hashlib.sha256(payload).digest()
    assert received == payload


@pytest.mark.parametrize("size", [3, 5 * BLOCK])
class TestWhatFails:
    """Errors of the caller's functions and of the system, on the calling thread and on the worker."""

    def test_unknown_algorithm(self, opener: Opener, embed: Embed, size: int) -> None:
        def refuse(name: str) -> HashAlgorithm:
            raise UnsupportedAlgorithmError("Unknown", f"no {name}")

        for algorithm_first in (True, False):
            image = embed(bytes(size))
            if not algorithm_first:
                image = json.dumps(dict(reversed(json.loads(image).items()))).encode()
            with pytest.raises(UnsupportedAlgorithmError, match="no SHA256withECDSA"):
                core.read_json_embedded(opener(image), refuse)

    def test_hash_for_returns_something_else(self, opener: Opener, embed: Embed, size: int) -> None:
        with pytest.raises(TypeError, match="expected a HashAlgorithm, got 'SHA256'"):
            core.read_json_embedded(opener(embed(bytes(size))), lambda _: "SHA256")  # type: ignore[arg-type,return-value]

    def test_progress_raises(self, opener: Opener, embed: Embed, size: int) -> None:
        def progress(done: int) -> None:
            raise LookupError(done)

        with pytest.raises(LookupError):
            core.read_json_embedded(opener(embed(bytes(size))), hash_for, progress=progress)

    def test_full_disk(self, opener: Opener, embed: Embed, size: int) -> None:
        with pytest.raises(StoreError, match="No space left on device") as caught:
            core.read_json_embedded(opener(embed(bytes(size))), hash_for, fd_out=opener("/dev/full", os.O_WRONLY))
        assert caught.value.data["errno"] == errno.ENOSPC

    def test_closed_pipe(self, opener: Opener, embed: Embed, size: int) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        with pytest.raises(StoreError, match="Broken pipe"):
            core.read_json_embedded(opener(embed(bytes(size))), hash_for, fd_out=writer)
        os.close(writer)

    def test_directory(self, opener: Opener, tmp_path: Path, size: int) -> None:
        with pytest.raises(StoreError, match="Is a directory"):
            core.read_json_embedded(opener(tmp_path), hash_for)

    def test_truncated_file(self, opener: Opener, embed: Embed, size: int) -> None:
        image = embed(bytes(size))
        for length in {0, 1, 20, len(image) // 2, len(image) - 2, len(image) - 1}:
            with pytest.raises(MalformedImageError, match="got the end of the file at offset") as caught:
                core.read_json_embedded(opener(image[:length]), hash_for)
            assert (caught.value.code, caught.value.data["offset"]) == ("UnexpectedEnd", length)


def test_a_file_truncated_meanwhile(opener: Opener, embed: Embed, tmp_path: Path) -> None:
    path = tmp_path / "image"
    path.write_bytes(embed(bytes(60 * BLOCK)))

    def truncate(name: str) -> HashAlgorithm:
        os.truncate(path, 30 * BLOCK)
        return hash_for(name)

    with pytest.raises(MalformedImageError, match="got the end of the file at offset"):
        core.read_json_embedded(opener(path), truncate)


@pytest.mark.parametrize(("fd_out", "error"), [(-1, ValueError), (2**32, ValueError), ("1", TypeError)])
def test_output_that_is_no_descriptor(opener: Opener, fd_out: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        core.read_json_embedded(opener(b"{}"), hash_for, fd_out=fd_out)  # type: ignore[arg-type]
