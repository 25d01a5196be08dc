import errno
import io
import os
import resource
import stat
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from iotsign.app import output_file
from iotsign.errors import ConfigError, StoreError


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def write(target: Path, data: bytes = b"new") -> None:
    with output_file(target) as file:
        file.write(data)


def write_half(target: Path | io.BytesIO, error: type[BaseException]) -> None:
    with output_file(target) as file:
        file.write(b"half")
        raise error


def test_new_file_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "out")
    finally:
        os.umask(before)
    assert (tmp_path / "out").read_bytes() == b"new"
    assert stat.S_IMODE((tmp_path / "out").stat().st_mode) == 0o640
    assert names(tmp_path) == ["out"]


def test_replaced_file_keeps_its_mode(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"old and longer")
    out.chmod(0o600)
    write(out)
    assert out.read_bytes() == b"new"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_replaced_file_keeps_its_owner(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"old")
    os.chown(out, 12345, 23456)
    write(out)
    assert (out.stat().st_uid, out.stat().st_gid) == (12345, 23456)


def test_symbolic_link_stays_and_its_target_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "dangling").symlink_to("fresh")
    write(tmp_path / "link")
    write(tmp_path / "dangling")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"
    assert (tmp_path / "fresh").read_bytes() == b"new"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ZeroDivisionError])
def test_interrupted_body_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"old")
    with pytest.raises(error):
        write_half(out, error)
    assert out.read_bytes() == b"old"
    assert names(tmp_path) == ["out"]


def test_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_bytes(b"old")
    with output_file(out) as file:
        file.write(b"ne")
        assert out.read_bytes() == b"old"
        file.write(b"w")
    assert out.read_bytes() == b"new"


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    with output_file(tmp_path / "out", dry_run=True) as file:
        file.write(b"new")
    assert names(tmp_path) == []


def test_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="got a directory") as caught, output_file(tmp_path, dry_run=True):
        pass
    assert caught.value.code == "EISDIR"


@pytest.mark.parametrize("name", ["missing/out", "n" * 300, "file/out"])
def test_impossible_places(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match=name), output_file(tmp_path / name):
        pass
    assert names(tmp_path) == ["file"]


def test_outputs_that_are_inputs_are_refused(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_bytes(b"secret")
    (tmp_path / "hard").hardlink_to(key)
    (tmp_path / "soft").symlink_to(key)
    for name in ("key.pem", "hard", "soft", "../" + tmp_path.name + "/key.pem"):
        with (
            pytest.raises(ConfigError, match="also an input") as caught,
            output_file(tmp_path / name, inputs=[tmp_path / "missing", key], dry_run=True),
        ):
            pass
        assert caught.value.code == "OutputIsInput"
    assert key.read_bytes() == b"secret"


def test_device_is_written_to_and_not_replaced() -> None:
    write(Path("/dev/null"))
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)


def test_full_device() -> None:
    with pytest.raises(StoreError, match="No space left") as caught:
        write(Path("/dev/full"))
    assert caught.value.code == "ENOSPC"


def test_fifo_gets_the_bytes(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(fifo.read_bytes()))
    reader.start()
    write(fifo, b"x" * 200_000)
    reader.join(10)
    assert got == [b"x" * 200_000]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_descriptor_of_an_open_file_is_written_to(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as file:
        write(Path(f"/dev/fd/{file.fileno()}"))
    assert (tmp_path / "out").read_bytes() == b"new"


def test_a_file_on_the_shared_memory_file_system_is_replaced_like_any_other() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        out = Path(directory, "out")
        with output_file(out) as file:
            file.write(b"new")
            assert len(names(Path(directory))) == 1  # the temporary file: no copy through another file system
        assert names(Path(directory)) == ["out"]


def test_stream_gets_nothing_before_the_end() -> None:
    stream = io.BytesIO()
    with pytest.raises(ZeroDivisionError):
        write_half(stream, ZeroDivisionError)
    assert stream.getvalue() == b""
    with output_file(stream) as file:
        file.write(b"new")
    assert stream.getvalue() == b"new"


def test_closed_pipe(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with (
        os.fdopen(writing, "wb", buffering=0) as stream,
        pytest.raises(StoreError, match="standard output: Broken pipe") as caught,
        output_file(stream) as file,
    ):
        file.write(b"new")
    assert caught.value.code == "EPIPE"
    assert caught.value.data["errno"] == errno.EPIPE
    assert names(tmp_path) == []


def test_body_that_meets_the_system(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="out: File too large"), output_file(tmp_path / "out"):
        raise OSError(errno.EFBIG, "File too large")
    assert names(tmp_path) == []


def test_a_file_that_takes_a_part_is_given_the_rest() -> None:
    class Slow(io.BytesIO):
        def write(self, data: Any, /) -> int:
            return super().write(bytes(data)[:3])

    slow = Slow()
    with output_file(slow) as file:
        file.write(b"0123456789")
    assert slow.getvalue() == b"0123456789"


def test_a_full_disk_is_noticed_at_once(tmp_path: Path) -> None:
    def write_too_much() -> None:
        with output_file(tmp_path / "out") as file:
            assert file.write(b"x" * 40) == 40
            file.write(b"x" * 100)

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (60, limits[1]))
    try:
        with pytest.raises(StoreError, match="File too large"):
            write_too_much()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names(tmp_path) == []
