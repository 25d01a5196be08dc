"""Programs of others: their command lines are what their own parsers take, and their failures are ours."""

import os
import stat
import sys
from pathlib import Path

import pytest

from iotsign.device import Board, find_board, flash_with_program, flasher_commands
from iotsign.errors import DeviceError

FLASHERS = {
    "esptool": 'kind = "esptool"\nchip = "esp32c3"\naddress = 0x10000\nsize = 0x100000',
    "pyocd": 'kind = "pyocd"\ntarget = "nrf52840"\naddress = 0x8000\nsize = 0x1000',
    "openocd": 'kind = "openocd"\nscripts = ["interface/cmsis-dap.cfg", "target/nrf52.cfg"]\naddress = 0\nsize = 9999',
}
HEAD = 'id = "desk"\nname = "x"\ncore = "x"\nplatforms = ["Espressif-ESP32-C3"]\n'
TRANSPORT = '[transport]\nkind = "serial"\nbaud = 460800\n'


def board(kind: str, directory: Path) -> Board:
    file = directory / "desk" / "board.toml"
    file.parent.mkdir()
    file.write_text(f"{HEAD}{TRANSPORT}[flasher]\n{FLASHERS[kind]}\n")
    return find_board(str(file))


def program(name: str, script: str, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program of this name first on PATH."""
    path = directory / "bin" / name
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")


def test_command_lines(tmp_path: Path) -> None:
    image = Path("app.bin")
    for kind in FLASHERS:
        (tmp_path / kind).mkdir()
    assert flasher_commands(board("esptool", tmp_path / "esptool"), image, "/dev/ttyUSB0") == [[
        *("esptool", "--chip", "esp32c3", "--port", "/dev/ttyUSB0", "--baud", "460800"),
        *("write-flash", "0x10000", "app.bin"),
    ]]  # fmt: skip
    reach = ("--no-wait", "--target", "nrf52840", "--uid", "0123")
    assert flasher_commands(board("pyocd", tmp_path / "pyocd"), image, "0123") == [
        ["pyocd", "load", *reach, "--no-reset", "--format", "bin", "--base-address", "0x8000", "app.bin"],
        [
            *("pyocd", "commander", *reach, "--connect", "attach"),
            *("--command", "compare 0x8000 app.bin"),
        ],
        ["pyocd", "reset", *reach],
    ]
    assert flasher_commands(board("openocd", tmp_path / "openocd"), image, "0123") == [[
        *("openocd", "-s", str(tmp_path / "openocd" / "desk")),
        *("-c", "gdb_port disabled", "-c", "tcl_port disabled", "-c", "telnet_port disabled"),
        *("-f", "interface/cmsis-dap.cfg", "-f", "target/nrf52.cfg"),
        *("-c", "adapter serial {0123}", "-c", "program {app.bin} 0x0 verify reset exit"),
    ]]  # fmt: skip


def test_a_board_with_smp_has_no_flasher() -> None:
    with pytest.raises(DeviceError, match="over SMP"):
        flasher_commands(find_board("mps2-an385"), Path("app.bin"), None)


def test_esptool_takes_our_command_line_and_its_failure_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real esptool parses it, and gets as far as opening the port."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    image = tmp_path / "app.bin"
    image.write_bytes(bytes(4096))
    with pytest.raises(
        DeviceError, match=r"^esptool failed with exit code 2: Could not open /dev/ttyNOWHERE.*exist\.$"
    ) as caught:
        flash_with_program(board("esptool", tmp_path), image, "/dev/ttyNOWHERE")
    assert caught.value.code == "FlasherFailed"


def test_a_missing_flasher_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="desk needs openocd") as caught:
        flash_with_program(board("openocd", tmp_path), Path("app.bin"), None)
    assert caught.value.data["hint"] == "sudo apt-get install openocd"


def test_what_a_flasher_says_last_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program("openocd", "echo one; echo two", tmp_path, monkeypatch)
    assert flash_with_program(board("openocd", tmp_path), Path("app.bin"), None) == "two"


def test_what_pyocd_does_not_compare_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program("pyocd", "echo Mismatched byte at 0x00008000", tmp_path, monkeypatch)
    with pytest.raises(DeviceError, match="desk does not hold what pyocd wrote: Mismatched byte") as caught:
        flash_with_program(board("pyocd", tmp_path), Path("app.bin"), None)
    assert caught.value.code == "FlasherFailed"


def test_a_flasher_that_never_ends_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program("pyocd", "exec sleep 60", tmp_path, monkeypatch)
    monkeypatch.setattr("iotsign.device._flashers._TIMEOUT_S", 0.3)
    with pytest.raises(DeviceError, match="did not end"):
        flash_with_program(board("pyocd", tmp_path), Path("app.bin"), None)
