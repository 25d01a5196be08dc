"""After a broken line or a reset in mid-upload, `iotsign device flash` works again, and ends right."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from bench_board import Bench, Keys, make_key, page_of

from iotsign.device import EmulatedBoard, SerialTransport, SmpClient, find_board, make_flash, upload_image

CLOSE = ("-b", "mps2-an385", "--key", "ota.pub.pem", "--boot-key", "boot.pub.pem")
PATIENCE_S = 60.0


SIZE = 20_000  # bytes; several blocks on every board


class _LineBreaks(Exception):
    """What ends an upload in these tests."""


@contextmanager
def half_uploaded(desk: Any, name: str) -> Iterator[SmpClient]:
    """A line to the board, on which half of an image has been uploaded."""
    desk.run("image", "extract", name, "-o", "inner.img")
    image = (desk.directory / "inner.img").read_bytes()

    def watch(done: int) -> None:
        if done > len(image) // 2:
            raise _LineBreaks

    with SmpClient(SerialTransport(desk.port), reply_timeout_s=20.0) as client:
        client.connect(PATIENCE_S)
        with pytest.raises(_LineBreaks):
            upload_image(client, image, watch)
        yield client


@pytest.fixture
def large(board: Any) -> Any:
    """A board whose sample application fills several blocks."""
    enlarge(board, board.directory)
    return board


def enlarge(desk: Any, directory: Path) -> None:
    (directory / "large.bin").write_bytes((desk.samples / "confirming.bin").read_bytes().ljust(SIZE, b"\xa5"))
    desk.samples = directory


def uploaded(answer: dict[str, Any]) -> str:
    assert answer["outcome"] == "confirmed"
    return next(str(step["detail"]) for step in answer["steps"] if step["name"] == "upload")


def test_an_upload_whose_line_broke_goes_on_where_it_ended(large: Any) -> None:
    name = large.sign("1.1.0", sample="large")
    with half_uploaded(large, name):
        pass
    answer, _ = large.run("device", "flash", name, *CLOSE)
    assert re.search(r", resumed at [1-9]\d+,", uploaded(answer))


def test_an_upload_that_a_reset_broke_begins_again(large: Any) -> None:
    name = large.sign("1.1.0", sample="large")
    with half_uploaded(large, name) as client:
        client.reset()
    answer, _ = large.run("device", "flash", name, *CLOSE)
    assert "resumed" not in uploaded(answer)


def test_another_image_may_follow_a_broken_upload(large: Any) -> None:
    with half_uploaded(large, large.sign("1.1.0", sample="large")):
        pass
    answer, _ = large.run("device", "flash", large.sign("1.2.0", sample="large"), *CLOSE)
    assert "resumed" not in uploaded(answer)
    assert answer["version"] == "1.2.0+0"


def test_a_reset_in_mid_upload_is_survived(desk: Any, tmp_path: Path) -> None:
    kind = find_board("mps2-an385")
    keys = Keys(tmp_path / "boot.pem", tmp_path / "ota.pem")
    for path in (keys.boot, keys.code_signer):
        make_key(path)
    enlarge(desk, tmp_path)
    bench = Bench(kind, None, keys, tmp_path, desk.samples, None)  # type: ignore[arg-type]
    image = bench.boot_image("1.1.0", "large")
    make_flash(kind, tmp_path / "flash", page=page_of(keys, tmp_path), image=bench.boot_image("1.0.0", "large"))
    offsets: list[int] = []

    def watch(done: int) -> None:
        offsets.append(done)
        if len(offsets) == 2:
            emulated.reset()

    with EmulatedBoard(kind, tmp_path / "flash") as emulated, SmpClient(emulated.open()) as client:
        client.connect(PATIENCE_S)
        upload_image(client, image, watch)
        assert offsets[2] <= offsets[1]  # the device had forgotten
        assert client.digest(len(image)) == hashlib.sha256(image).digest()
