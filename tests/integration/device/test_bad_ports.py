"""Ports and devices that do not answer as they should: one clear sentence, exit code 6, nothing changed."""

import contextlib
import io
import json
import os
import pwd
import shutil
import socket
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iotsign.cli import run
from iotsign.device import EmulatedBoard, SerialTransport, SmpClient, find_board, make_flash, upload_image
from iotsign.errors import DeviceError, DeviceTimeoutError, TransportClosedError

INFO = ("device", "info", "-b", "mps2-an385", "--timeout", "0.6")


def refused(*arguments: str) -> dict[str, Any]:
    """The error that a command ends with; its exit code must be 6."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([*arguments, "--json"])
    assert code == 6, err.getvalue()
    assert "Traceback" not in err.getvalue()
    (error,) = [json.loads(line)["error"] for line in err.getvalue().splitlines()]
    assert "\n" not in error["message"]
    return dict(error)


@pytest.fixture
def terminal() -> Iterator[tuple[int, str]]:
    """A pseudo-terminal: the device's end, and the name of ours."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    yield ours, os.ttyname(theirs)
    with contextlib.suppress(OSError):
        os.close(ours)
    os.close(theirs)


def test_no_such_port() -> None:
    error = refused(*INFO, "--port", "/dev/ttyNOWHERE")
    assert (error["code"], error["message"]) == ("NoSuchPort", "there is no port /dev/ttyNOWHERE")


@pytest.mark.parametrize(
    ("port", "code", "message"),
    [
        ("socket://127.0.0.1", "PortUnusable", "socket://127.0.0.1 is no port"),
        ("foo://here:1", "PortUnusable", "foo://here:1 is no port"),
        ("socket://127.0.0.1:1", "NoSuchPort", "there is no port socket://127.0.0.1:1: nothing listens there"),
        ("rfc2217://127.0.0.1:1", "NoSuchPort", "there is no port rfc2217://127.0.0.1:1: nothing listens there"),
        ("/dev/null", "PortUnusable", "/dev/null is no serial port"),
        ("/", "PortUnusable", "/ is no serial port"),
    ],
)
def test_what_is_no_port(port: str, code: str, message: str) -> None:
    error = refused(*INFO, "--port", port)
    assert (error["code"], error["message"]) == (code, message)
    assert error["hint"]


def test_a_silent_device(terminal: tuple[int, str]) -> None:
    error = refused(*INFO, "--port", terminal[1])
    assert (error["code"], error["message"]) == ("DeviceSilent", f"{terminal[1]}: the device is silent for 0.6 s")
    assert "baud rate" in error["hint"]


def test_a_device_in_the_wrong_mode(terminal: tuple[int, str]) -> None:
    device, port = terminal
    over = threading.Event()

    def talk() -> None:
        while not over.wait(0.05):
            os.write(device, b"uart:~$ not found\r\n")

    speaker = threading.Thread(target=talk)
    speaker.start()
    error = refused(*INFO, "--port", port)
    over.set()
    speaker.join()
    assert (error["code"], error["message"]) == (
        "WrongMode",
        f"{port}: the device prints 'uart:~$ not found' but answers no SMP request",
    )
    assert "boot loader" in error["hint"]


def test_a_busy_port(terminal: tuple[int, str]) -> None:
    hold = f"from iotsign.device import SerialTransport\nline = SerialTransport({terminal[1]!r})\nprint(flush=True)\n"
    with subprocess.Popen(
        [sys.executable, "-c", hold + "input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        error = refused(*INFO, "--port", terminal[1])
        other.communicate(b"\n")
    assert (error["code"], error["message"]) == ("PortBusy", f"{terminal[1]} is used by another program")
    assert error["hint"] == f"close the program that has it open; `fuser {terminal[1]}` names it"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root to become somebody who may not open the port")
def test_a_forbidden_port_names_the_group_to_join(terminal: tuple[int, str]) -> None:
    port = terminal[1]
    Path(port).chmod(0o660)
    os.chown(port, 0, 20)  # Debian's group of serial ports, dialout
    ask = [*INFO, "--json", "--port"]
    program = (
        "import grp, os, sys; from iotsign.cli import run\n"
        f"run({[*ask, '/dev/ttyNOWHERE']!r})\n"  # loads what nobody may not read
        f"os.setgroups([]); os.setgid(65534); os.setuid({pwd.getpwnam('nobody').pw_uid})\n"
        f"sys.exit(run({[*ask, port]!r}))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.returncode == 6, result.stderr
    said = [json.loads(line)["error"] for line in result.stderr.splitlines() if line.startswith("{")]
    error = said[-1]
    assert (error["code"], error["message"]) == ("PortForbidden", f"this user may not open {port}")
    assert error["hint"].startswith("join the group dialout: sudo usermod -a -G dialout ")


def test_a_line_that_goes_away(terminal: tuple[int, str]) -> None:
    device, port = terminal
    threading.Timer(0.3, os.close, [device]).start()
    with SmpClient(SerialTransport(port)) as client, pytest.raises(TransportClosedError, match="is gone"):
        client.connect(60)


def test_a_device_that_falls_silent_in_mid_upload(board: Any) -> None:
    image = (board.directory / "confirming-1.0.0.img").read_bytes() + bytes(20_000)

    class Cut:
        """A line that carries nothing more to the device after so many bytes."""

        name = board.port

        def __init__(self) -> None:
            self.line, self.left = SerialTransport(board.port), 12_000

        def write(self, data: bytes) -> None:
            self.line.write(data[: max(self.left, 0)])
            self.left -= len(data)

        def read(self, timeout_s: float) -> bytes:
            return self.line.read(timeout_s)

        def close(self) -> None:
            self.line.close()

    with SmpClient(Cut(), reply_timeout_s=1.0) as client:
        client.connect(60)
        with pytest.raises((DeviceTimeoutError, DeviceError)) as caught:
            upload_image(client, image)
    assert caught.value.code in {"DeviceSilent", "NoAnswer", "WrongMode"}
    board.run("device", "reset")
    assert board.run("device", "list")[0]["images"][0]["version"] == "1.0.0"


def test_what_is_missing_is_named_before_anything_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    error = refused("device", "info", "-b", "mps2-an385")
    assert error["code"] == "NoPort"


def test_one_flash_runs_one_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    board, flash = find_board("mps2-an385"), tmp_path / "desk.flash"
    if board.bootloader is None or shutil.which("qemu-system-arm") is None:
        pytest.skip("needs qemu-system-arm, and the boot loader of the board")
    flash.touch()
    start = ("board", "start", "mps2-an385", "--flash", str(flash))
    error = refused(*start)
    assert (error["code"], error["data"]["got"]) == ("WrongFlash", 0)
    make_flash(board, flash)
    with EmulatedBoard(board, flash):
        error = refused(*start)
        assert (error["code"], error["message"]) == ("FlashInUse", f"another board runs on {flash}")
        assert refused(*start, "--erase")["code"] == "FlashInUse"
        other = EmulatedBoard(board, flash)
        with pytest.raises(DeviceError, match="another board runs on"), other:
            pytest.fail("it runs")
        with pytest.raises(ConnectionRefusedError):  # what did not start holds no port
            socket.create_connection(("127.0.0.1", int(other.port.rpartition(":")[2])))
    (tmp_path / "qemu-system-arm").symlink_to(str(shutil.which("qemu-system-arm")))
    with monkeypatch.context() as change:
        change.setenv("PATH", str(tmp_path))
        error = refused(*start)
        assert (error["code"], error["message"]) == ("CannotStart", "cannot start setpriv: No such file or directory")
    with EmulatedBoard(board, flash) as again:
        assert again.running
