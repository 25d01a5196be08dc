"""Programs of others that write an image to a board that speaks no SMP: esptool, pyOCD, OpenOCD.

They run as processes of their own, found on PATH.
"""

import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from iotsign.device._board import Board, FlasherSettings
from iotsign.errors import DeviceError, DeviceTimeoutError

__all__ = ["flash_with_program", "flasher_commands"]

_PACKAGES: Final = {
    "esptool": "pip install esptool",
    "pyocd": "pip install pyocd",
    "openocd": "sudo apt-get install openocd",
}
_TIMEOUT_S: Final = 600.0
_LAST_LINES: Final = 3
# how each program marks the line that says what went wrong
_COMPLAINTS: Final = {
    "esptool": re.compile(r"A fatal error occurred: (.*)"),
    "pyocd": re.compile(r"^\d+ [CE] (.*?)(?: \[\w+\])?$"),
    "openocd": re.compile(r"Error: (.*)"),
}
_OPENOCD_END: Final = re.compile(r"^\*\* (.*(?:failed|unable).*) \*\*$", re.I)
_NO_PROBE: Final = re.compile(
    r"No connected debug probe.*|unable to (?:find|open) .*|No J-Link .*|open failed", re.IGNORECASE
)
_PROBES: Final = "is the probe plugged in, and may this user open it? --port takes its serial number"
_NO_SERVERS: Final = [word for kind in ("gdb", "tcl", "telnet") for word in ("-c", f"{kind}_port disabled")]
_COMPARING: Final = ("pyocd", "commander")  # its exit code does not say whether they are the same
_COMPARED: Final = "bytes match."


def flasher_commands(board: Board, image: Path, port: str | None) -> list[list[str]]:
    """Build the command lines that write an image and verify what was written.

    Args:
        board: A board with a flasher.
        image: The file, as it goes into the flash.
        port: The serial port, for esptool; the probe's serial number, for pyOCD and OpenOCD; None to let them choose.

    Raises:
        DeviceError: The board has no flasher.
    """
    settings = board.flasher
    if settings is None:
        raise DeviceError("NoFlasher", f"{board.board_id} is flashed over SMP, not by a program", board=board.board_id)
    return _BUILDERS[settings.kind](settings, board, image, port)


def _esptool(settings: FlasherSettings, board: Board, image: Path, port: str | None) -> list[list[str]]:
    where = ["--port", port] if port else []
    head = ["esptool", "--chip", settings.target, *where, "--baud", str(board.baud)]
    # esptool compares the MD5 of what it wrote with the chip's own
    return [[*head, "write-flash", f"{settings.address:#x}", str(image)]]


def _pyocd(settings: FlasherSettings, board: Board, image: Path, port: str | None) -> list[list[str]]:  # noqa: ARG001
    # it would wait for a probe for ever, and does not read back what it wrote
    reach = ["--no-wait", "--target", settings.target, *(["--uid", port] if port else [])]
    place = ["--format", "bin", "--base-address", f"{settings.address:#x}", str(image)]
    compare = f"compare {settings.address:#x} {shlex.quote(str(image))}"
    return [
        ["pyocd", "load", *reach, "--no-reset", *place],
        [*_COMPARING, *reach, "--connect", "attach", "--command", compare],
        ["pyocd", "reset", *reach],
    ]


def _openocd(settings: FlasherSettings, board: Board, image: Path, port: str | None) -> list[list[str]]:
    scripts = [word for script in settings.scripts for word in ("-f", script)]
    probe = ["-c", f"adapter serial {{{port}}}"] if port else []
    program = f"program {{{image}}} {settings.address:#x} verify reset exit"
    # scripts may lie beside the board's descriptor; its servers' ports would part two boards at one time
    head = ["openocd", "-s", str(board.file.absolute().parent), *_NO_SERVERS]
    return [[*head, *scripts, *probe, "-c", program]]


_BUILDERS: Final = {"esptool": _esptool, "pyocd": _pyocd, "openocd": _openocd}


def flash_with_program(board: Board, image: Path, port: str | None) -> str:
    """Write an image with the board's program.

    Returns:
        What the program said last.

    Raises:
        DeviceError: The program is not installed (FlasherMissing), finds no debug probe (NoProbe) or failed
            (FlasherFailed).
        DeviceTimeoutError: It did not end within ten minutes.
    """
    said = ""
    for command in flasher_commands(board, image, port):
        said = _run(board, command)
    return said


def _run(board: Board, command: Sequence[str]) -> str:
    program = command[0]
    found = shutil.which(program)
    if found is None:
        hint = _PACKAGES[program]
        raise DeviceError("FlasherMissing", f"{board.board_id} needs {program}, which is not on PATH", hint=hint)
    try:
        result = subprocess.run(
            [found, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DeviceTimeoutError("FlasherSilent", f"{program} did not end within {_TIMEOUT_S:g} s") from None
    lines = [line.strip() for line in result.stdout.decode(errors="replace").splitlines() if line.strip()]
    if result.returncode != 0:
        raise _failed(board, command, result.returncode, lines)
    if tuple(command[:2]) == _COMPARING and not any(line.endswith(_COMPARED) for line in lines):
        said = lines[-1] if lines else "nothing"
        message = f"{board.board_id} does not hold what {program} wrote: {said}"
        raise DeviceError("FlasherFailed", message, command=shlex.join(command))
    return lines[-1] if lines else ""


def _failed(board: Board, command: Sequence[str], code: int, lines: Sequence[str]) -> DeviceError:
    """Say in one sentence what the program said in many lines."""
    program = command[0]
    for line in lines:
        if program != "esptool" and (found := _NO_PROBE.search(line)):
            message = f"{program} finds no debug probe for {board.board_id}: {found[0]}"
            return DeviceError("NoProbe", message, board=board.board_id, hint=_PROBES)
    complaints = [found[1] for line in lines if (found := _COMPLAINTS[program].search(line))]
    ends = [found[1] for line in lines if (found := _OPENOCD_END.search(line))]
    said = ": ".join([*ends[:1], *complaints[-1:]]) or " / ".join(lines[-_LAST_LINES:]) or "nothing"
    message = f"{program} failed with exit code {code}: {said}"
    return DeviceError("FlasherFailed", message, command=shlex.join(command))
