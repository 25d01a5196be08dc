"""hash_file, encode_payload and shift_file against hashlib and base64, on files of all kinds."""

import base64
import errno
import fcntl
import hashlib
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotsign import core
from iotsign.algorithms import HashAlgorithm
from iotsign.errors import StoreError

Opener = Callable[..., int]
SHA256 = HashAlgorithm.SHA256
BLOCK = 768 * 1024  # bytes of the payload that the core handles at once
SIZES = [0, 1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1, 4 * BLOCK, 5 * BLOCK + 2]


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


@pytest.mark.parametrize("algorithm", HashAlgorithm)
@pytest.mark.parametrize("size", SIZES)
def test_hash_and_encode(opener: Opener, tmp_path: Path, size: int, algorithm: HashAlgorithm) -> None:
    data = os.urandom(size)
    source, target = opener(data), opener(tmp_path / "out", os.O_RDWR | os.O_CREAT)
    expected = hashlib.new(algorithm.value, data).digest(), size
    assert core.hash_file(source, algorithm, offset=0) == expected
    assert core.encode_payload(source, target, 5, algorithm) == expected
    assert (tmp_path / "out").read_bytes()[5:] == base64.b64encode(data)


def test_from_the_current_position(opener: Opener, tmp_path: Path) -> None:
    data = os.urandom(BLOCK + 100)
    source, target = opener(data), opener(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    os.lseek(source, 77, os.SEEK_SET)
    assert core.hash_file(source, SHA256) == (sha256(data[77:]), len(data) - 77)
    assert core.hash_file(source, SHA256) == (sha256(b""), 0)
    os.lseek(source, 77, os.SEEK_SET)
    core.encode_payload(source, target, 0, SHA256)
    assert (tmp_path / "out").read_bytes() == base64.b64encode(data[77:])


@pytest.mark.parametrize(("offset", "length"), [(0, 0), (0, 5), (3, 2 * BLOCK), (BLOCK, None), (2 * BLOCK + 9, 1)])
def test_a_range_leaves_the_position_alone(opener: Opener, offset: int, length: int | None) -> None:
    data = os.urandom(2 * BLOCK + 10)
    source = opener(data)
    part = data[offset:] if length is None else data[offset : offset + length]
    assert core.hash_file(source, SHA256, offset=offset, length=length) == (sha256(part), len(part))
    assert os.lseek(source, 0, os.SEEK_CUR) == 0


@pytest.mark.parametrize("size", [10, 3 * BLOCK])
def test_a_length_beyond_the_end(opener: Opener, size: int) -> None:
    with pytest.raises(StoreError, match=f"expected {size + 1} bytes, got {size} before the end") as caught:
        core.hash_file(opener(bytes(size)), SHA256, offset=0, length=size + 1)
    assert caught.value.code == "UnexpectedEnd"


def test_an_offset_beyond_the_end(opener: Opener) -> None:
    assert core.hash_file(opener(b"abc"), SHA256, offset=10) == (sha256(b""), 0)


# threat 15
@pytest.mark.parametrize("size", [2**31 - 1, 2**31, 2**32 + 1])
def test_no_size_wraps(opener: Opener, tmp_path: Path, size: int) -> None:
    """The last bytes count, however large the file; a range keeps it quick."""
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(size - 3)
        file.write(b"end")
    digest, count = core.hash_file(opener(path), SHA256, offset=size - BLOCK - 3)
    assert (digest, count) == (sha256(bytes(BLOCK) + b"end"), BLOCK + 3)


# threat 15
def test_every_byte_of_4_gib_and_one_counts(opener: Opener) -> None:
    """Of zeros and a last byte 1: hashed from a sparse file; decoded and hashed from a stream of base64."""
    size = 2**32 + 1
    digest = bytes.fromhex("d6cba2fb80a815340cd82d98754730a8e86af2d14a136d3b20bbc1e13ece5c11")
    with os.fdopen(os.memfd_create("sparse"), "r+b") as file:  # whose holes take no memory, not even to read
        file.seek(size - 1)
        file.write(b"\1")
        file.seek(0)
        assert core.encode_payload(file.fileno(), opener(os.devnull, os.O_WRONLY), 0, SHA256) == (digest, size)

    head = b'{"rawPayloadSize":%d,"signature":"","signatureAlgorithm":"","payload":"' % size
    reader, writer = os.pipe()
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 1024 * 1024)
    zeros = memoryview(b"A" * 1024 * 1024)  # in base64

    def write() -> None:
        rest = size // 3 * 4
        with os.fdopen(writer, "wb", buffering=0) as pipe:
            pipe.write(head)
            while rest:
                rest -= pipe.write(zeros[:rest])
            pipe.write(b'AAE="}')

    with ThreadPoolExecutor() as pool, os.fdopen(reader) as pipe:
        written = pool.submit(write)
        found = core.read_json_embedded(pipe.fileno(), lambda _: SHA256)
        written.result()
    assert (found.digest, found.raw_payload_size, found.payload_length) == (digest, size, (size + 2) // 3 * 4)


def feed(descriptor: int, data: bytes, piece: int) -> threading.Thread:
    """Write to a pipe in pieces, close it at the end."""

    def run() -> None:
        with os.fdopen(descriptor, "wb", buffering=0) as pipe:
            for start in range(0, len(data), piece):
                view = memoryview(data)[start : start + piece]
                while view:
                    view = view[pipe.write(view) :]

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize(("size", "piece"), [(0, 1), (5, 1), (2000, 7), (3 * BLOCK + 1, 10_007)])
def test_a_pipe(opener: Opener, tmp_path: Path, size: int, piece: int) -> None:
    data = os.urandom(size)
    reader, writer = os.pipe()
    thread = feed(writer, data, piece)
    target = opener(tmp_path / "out", os.O_RDWR | os.O_CREAT)
    assert core.encode_payload(reader, target, 0, SHA256) == (sha256(data), size)
    thread.join()
    os.close(reader)
    assert (tmp_path / "out").read_bytes() == base64.b64encode(data)


def test_a_fifo_and_a_socket_that_do_not_block(tmp_path: Path) -> None:
    data = os.urandom(BLOCK + 1)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    thread = feed(os.open(fifo, os.O_WRONLY), data, 5000)
    assert core.hash_file(reader, SHA256) == (sha256(data), len(data))
    thread.join()
    os.close(reader)

    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    thread = feed(theirs.detach(), data, 5000)
    with ours:
        assert core.hash_file(ours.fileno(), SHA256) == (sha256(data), len(data))
    thread.join()


@settings(max_examples=30, deadline=None)
@given(
    size=st.integers(0, 3000),
    start=st.integers(0, 3000),
    delta=st.integers(-3000, 3000),
)
def test_shift_file(tmp_path_factory: pytest.TempPathFactory, size: int, start: int, delta: int) -> None:
    path = tmp_path_factory.mktemp("shift") / "file"
    start, delta = min(start, size), max(delta, -min(start, size))
    data = os.urandom(size)
    path.write_bytes(data)
    descriptor = os.open(path, os.O_RDWR)
    core.shift_file(descriptor, start, size, delta)
    os.close(descriptor)
    assert path.read_bytes()[start + delta : size + delta] == data[start:]
    assert path.read_bytes()[: min(start, start + delta)] == data[: min(start, start + delta)]


@pytest.mark.parametrize("delta", [-1, 1, -BLOCK, BLOCK, 3 * BLOCK])
def test_shift_many_blocks(opener: Opener, tmp_path: Path, delta: int) -> None:
    data, start = os.urandom(5 * BLOCK + 7), BLOCK + 3
    path = tmp_path / "file"
    path.write_bytes(data)
    core.shift_file(opener(path, os.O_RDWR), start, len(data), delta)
    assert path.read_bytes()[start + delta : len(data) + delta] == data[start:]


def test_shift_beyond_the_end(opener: Opener, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    with pytest.raises(StoreError, match="expected 9 bytes to move, got 2 before the end"):
        core.shift_file(opener(path, os.O_RDWR), 1, 10, -1)


@pytest.mark.parametrize(("start", "end", "delta"), [(2, 1, 0), (0, 5, -1), (0, 2**62, 2**62)])
def test_shift_out_of_range(opener: Opener, start: int, end: int, delta: int) -> None:
    with pytest.raises(ValueError, match="expected a range that stays within a file"):
        core.shift_file(opener(b"abcdef"), start, end, delta)


class TestOperatingSystemErrors:
    """What the system refuses is a StoreError with its reason."""

    def test_bad_descriptor(self, opener: Opener) -> None:
        descriptor = os.dup(opener(b""))
        os.close(descriptor)
        for call in (
            lambda: core.hash_file(descriptor, SHA256),
            lambda: core.hash_file(descriptor, SHA256, offset=0),
            lambda: core.encode_payload(descriptor, 1, 0, SHA256),
            lambda: core.shift_file(descriptor, 0, 1, 1),
        ):
            with pytest.raises(StoreError, match="Bad file descriptor") as caught:
                call()
            assert (caught.value.code, caught.value.data["errno"]) == ("StatFailed", errno.EBADF)

    def test_directory(self, opener: Opener, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="cannot read: Is a directory") as caught:
            core.hash_file(opener(tmp_path), SHA256)
        assert (caught.value.code, caught.value.data["errno"]) == ("ReadFailed", errno.EISDIR)

    def test_write_only_input(self, opener: Opener, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="cannot read: Bad file descriptor"):
            core.hash_file(opener(tmp_path / "out", os.O_WRONLY | os.O_CREAT), SHA256)

    @pytest.mark.parametrize("size", [10, 5 * BLOCK])
    def test_read_only_output(self, opener: Opener, size: int) -> None:
        with pytest.raises(StoreError, match="cannot write: Bad file descriptor") as caught:
            core.encode_payload(opener(bytes(size)), opener(b""), 0, SHA256)
        assert caught.value.code == "WriteFailed"
        with pytest.raises(StoreError, match="cannot write"):
            core.shift_file(opener(bytes(size)), 0, size, 1)

    @pytest.mark.parametrize("size", [10, 5 * BLOCK])
    def test_full_disk(self, opener: Opener, size: int) -> None:
        with pytest.raises(StoreError, match="cannot write: No space left on device") as caught:
            core.encode_payload(opener(bytes(size)), opener("/dev/full", os.O_WRONLY), 0, SHA256)
        assert caught.value.data["errno"] == errno.ENOSPC

    def test_output_without_offsets(self, opener: Opener) -> None:
        reader, writer = os.pipe()
        with pytest.raises(StoreError, match="expected a seekable file: Illegal seek") as caught:
            core.encode_payload(opener(b"abc"), writer, 0, SHA256)
        assert caught.value.code == "NotSeekable"
        with pytest.raises(StoreError, match="expected a seekable file"):
            core.hash_file(reader, SHA256, offset=0)
        os.close(reader)
        os.close(writer)

    def test_reset_socket(self) -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        ours = socket.create_connection(listener.getsockname())
        theirs, _ = listener.accept()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        theirs.close()
        with ours, listener, pytest.raises(StoreError, match="Connection reset by peer"):
            core.hash_file(ours.fileno(), SHA256)


@pytest.mark.parametrize("extended", [False, True])
def test_a_file_that_changes_meanwhile(opener: Opener, tmp_path: Path, extended: bool) -> None:
    """Truncated or extended while it is read: an error, neither a wrong digest nor SIGBUS."""
    path = tmp_path / "file"
    path.touch()
    size = 512 * BLOCK  # sparse; read for longer than it takes to the first report
    os.truncate(path, size)

    def progress(done: int) -> None:
        if path.stat().st_size == size:
            os.truncate(path, size + 1 if extended else done + 8 * BLOCK)

    with pytest.raises(StoreError, match="file changed while it was read") as caught:
        core.hash_file(opener(path), SHA256, progress=progress)
    assert caught.value.code == "FileChanged"


@pytest.mark.parametrize(("offset", "error"), [(-1, OverflowError), (2**63, OverflowError), ("0", TypeError)])
def test_offsets_that_are_none(opener: Opener, offset: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        core.hash_file(opener(b""), SHA256, offset=offset)  # type: ignore[arg-type]


def test_progress_counts_up_to_the_size(opener: Opener) -> None:
    seen: list[int] = []
    core.hash_file(opener(bytes(100 * BLOCK)), SHA256, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 100 * BLOCK


@pytest.mark.parametrize("size", [10, 10 * BLOCK])
def test_an_exception_of_progress_propagates(opener: Opener, size: int) -> None:
    def progress(done: int) -> None:
        raise LookupError(done)

    with pytest.raises(LookupError):
        core.hash_file(opener(bytes(size)), SHA256, progress=progress)
