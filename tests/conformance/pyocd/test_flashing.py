"""The real pyOCD takes our command lines: it flashes an emulated micro:bit with its own flash algorithm."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from debugged_core import Target, descriptor, error_of, waiting_target
from remote_probe import RemoteProbe

from iotsign.cli import run

FLASHER = 'kind = "pyocd"\ntarget = "nrf51"'


@pytest.fixture(autouse=True)
def program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if shutil.which("pyocd") is None:
        pytest.skip("needs pyocd")


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("needs qemu-system-arm")
    with waiting_target(tmp_path) as target:
        yield target


@pytest.fixture
def probe(target: Target) -> Iterator[RemoteProbe]:
    probe = RemoteProbe(target.core)
    yield probe
    probe.shutdown()
    probe.server_close()


def flash(target: Target, port: str, flasher: str, directory: Path) -> list[str]:
    board = descriptor(directory, flasher)
    return ["device", "flash", str(target.image), "-b", str(board), "--port", port, "--key", str(target.key), "--json"]


def test_an_image_that_pyocd_wrote_is_started(
    target: Target, probe: RemoteProbe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(flash(target, probe.uid, FLASHER, tmp_path)) == 0, capsys.readouterr().err
    answer = json.loads(capsys.readouterr().out)
    assert answer["outcome"] == "written"
    assert [step["name"] for step in answer["steps"]] == ["read image", "host verifies", "write"]
    assert target.boots()
    assert target.core.resets


def test_what_reads_back_differently_is_not_written(
    target: Target,
    probe: RemoteProbe,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target.misread(monkeypatch)
    assert run(flash(target, probe.uid, FLASHER, tmp_path)) == 6
    error = error_of(capsys)
    assert error["code"] == "FlasherFailed"
    assert "does not hold what pyocd wrote: Mismatched byte at 0x00008210" in error["message"]


def test_a_target_that_pyocd_does_not_know(
    target: Target, probe: RemoteProbe, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(flash(target, probe.uid, 'kind = "pyocd"\ntarget = "nosuch"', tmp_path)) == 6
    error = error_of(capsys)
    assert error["code"] == "FlasherFailed"
    assert "nosuch" in error["message"]
    assert "\n" not in error["message"]


@pytest.mark.parametrize("port", [None, "0123"])
def test_no_probe(port: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = tmp_path / "app.img"
    image.write_bytes(bytes(4096))
    where = ["--port", port] if port else []
    board = descriptor(tmp_path, FLASHER)
    assert run(["device", "flash", str(image), "-b", str(board), "--force", *where, "--json"]) == 6
    error = error_of(capsys)
    assert error["code"] == "NoProbe"
    assert error["message"].startswith("pyocd finds no debug probe for desk: No connected debug probe")
    assert "plugged in" in error["hint"]
