import io
import os
import threading
from pathlib import Path

import pytest

from iotsign.app import read_small_file, source_name
from iotsign.app._input_file import InputFile, input_file
from iotsign.errors import ImageTooLargeError, StoreError


def test_regular_file_is_used_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"content")
    with input_file(path) as file:
        assert (file.size, file.name) == (7, str(path))
        assert file.head(3) == b"con"
        assert os.read(file.fd, 100) == b"content"
        assert file.read_all() == b"content"


def test_file_swapped_underneath_is_not_noticed_because_it_is_not_read(tmp_path: Path) -> None:
    # threat 22
    path = tmp_path / "in"
    path.write_bytes(b"good")
    with input_file(path) as file:
        (tmp_path / "evil").write_bytes(b"evil")
        (tmp_path / "evil").rename(path)
        assert file.read_all() == b"good"


@pytest.mark.parametrize("change", [b"longer content", b"short"])
def test_file_that_changes_is_refused(tmp_path: Path, change: bytes) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"content")
    with input_file(path) as file:
        path.write_bytes(change)
        with pytest.raises(StoreError, match="being written") as caught:
            file.read_all()
    assert caught.value.code == "InputChanged"


def test_stream_without_descriptor_is_copied() -> None:
    with input_file(io.BytesIO(b"content")) as file:
        assert (file.size, file.name) == (7, "-")
        assert os.read(file.fd, 100) == b"content"


def test_redirected_file_is_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"content")
    with (tmp_path / "in").open("rb") as stream, input_file(stream) as file:
        assert file.fd == stream.fileno()


def test_stream_that_was_read_from_is_copied_from_there(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"content")
    with (tmp_path / "in").open("rb", buffering=0) as stream:
        stream.read(3)
        with input_file(stream) as file:
            assert file.read_all() == b"tent"


def test_fifo_is_copied(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(b"x" * 3_000_000))
    writer.start()
    with input_file(fifo) as file:
        assert file.size == 3_000_000
    writer.join(10)


@pytest.mark.parametrize("size", [11, 3_000_000])
def test_limit(tmp_path: Path, size: int) -> None:
    (tmp_path / "in").write_bytes(bytes(size))
    for source in (tmp_path / "in", io.BytesIO(bytes(size))):
        with pytest.raises(ImageTooLargeError, match="at most 10 bytes"), input_file(source, limit=lambda _: 10):
            pass
    with input_file(tmp_path / "in", limit=lambda _: None) as file:
        assert file.size == size


def test_endless_stream_is_read_no_further_than_the_limit() -> None:
    with (
        pytest.raises(ImageTooLargeError, match="more than 5000000"),
        input_file(Path("/dev/zero"), limit=lambda _: 5_000_000),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "words"), [("missing", "No such file"), (".", "Is a directory"), ("n" * 300, "too long")]
)
def test_what_cannot_be_opened(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(StoreError, match=words), input_file(tmp_path / name):
        pass


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as stream:
        file = InputFile(stream.fileno(), 0, "out")
        with pytest.raises(StoreError, match="out: Bad file descriptor"):
            file.head(1)
        with pytest.raises(StoreError, match="out: "):
            file.read_all()


def test_read_small_file(tmp_path: Path) -> None:
    (tmp_path / "sig").write_bytes(b"12345")
    assert read_small_file(tmp_path / "sig", 5) == b"12345"
    with pytest.raises(ImageTooLargeError):
        read_small_file(tmp_path / "sig", 4)


def test_names() -> None:
    assert source_name(Path("app.bin")) == "app.bin"
    assert source_name(io.BytesIO()) == "-"
