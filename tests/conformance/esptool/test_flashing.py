"""The real esptool takes our command line, opens the port and asks the chip; one that is silent is no riddle."""

import json
import os
import sys
import tty
from pathlib import Path

import pytest
from debugged_core import descriptor

from iotsign.cli import run


def test_a_silent_chip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    image = tmp_path / "app.bin"
    image.write_bytes(bytes(4096))
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    board = descriptor(tmp_path, 'kind = "esptool"\nchip = "esp32c3"')
    command = ["device", "flash", str(image), "-b", str(board), "--port", os.ttyname(theirs), "--force", "--json"]
    assert run(command) == 6
    os.set_blocking(ours, False)
    assert os.read(ours, 4096).startswith(b"\xc0\x00\x08")  # SLIP, a request to synchronize
    for end in (ours, theirs):
        os.close(end)
    error = json.loads(capsys.readouterr().err.splitlines()[-1])["error"]
    assert error["code"] == "FlasherFailed"
    assert error["message"] == (
        "esptool failed with exit code 2: Failed to connect to ESP32-C3: No serial data received."
    )
