"""Programs of others that write an image to a board that speaks no SMP: esptool, pyOCD, OpenOCD.

They run as processes of their own, found on PATH.
"""

import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

from iotsign.device._board import Board, FlasherSettings
from iotsign.errors import DeviceError, DeviceTimeoutError

__all__ = ["flash_with_program", "flasher_command"]

_PACKAGES: Final = {
    "esptool": "pip install esptool",
    "pyocd": "pip install pyocd",
    "openocd": "sudo apt-get install openocd",
}
_TIMEOUT_S: Final = 600.0
_LAST_LINES: Final = 3


def flasher_command(board: Board, image: Path, port: str | None) -> list[str]:
    """Build the command line that writes an image and verifies what it wrote.

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


def _esptool(settings: FlasherSettings, board: Board, image: Path, port: str | None) -> list[str]:
    where = ["--port", port] if port else []
    head = ["esptool", "--chip", settings.target, *where, "--baud", str(board.baud)]
    # esptool compares the MD5 of what it wrote with the chip's own
    return [*head, "write-flash", f"{settings.address:#x}", str(image)]


def _pyocd(settings: FlasherSettings, board: Board, image: Path, port: str | None) -> list[str]:  # noqa: ARG001
    probe = ["--uid", port] if port else []
    place = ["--format", "bin", "--base-address", f"{settings.address:#x}"]
    return ["pyocd", "load", "--target", settings.target, *probe, *place, str(image)]


def _openocd(settings: FlasherSettings, board: Board, image: Path, port: str | None) -> list[str]:  # noqa: ARG001
    scripts = [word for script in settings.scripts for word in ("-f", script)]
    probe = ["-c", f"adapter serial {{{port}}}"] if port else []
    return ["openocd", *scripts, *probe, "-c", f"program {{{image}}} {settings.address:#x} verify reset exit"]


_BUILDERS: Final = {"esptool": _esptool, "pyocd": _pyocd, "openocd": _openocd}


def flash_with_program(board: Board, image: Path, port: str | None) -> str:
    """Write an image with the board's program.

    Returns:
        What the program said last.

    Raises:
        DeviceError: The program is not installed (FlasherMissing) or failed (FlasherFailed).
        DeviceTimeoutError: It did not end within ten minutes.
    """
    command = flasher_command(board, image, port)
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
        said = " / ".join(lines[-_LAST_LINES:]) or "nothing"
        message = f"{program} failed with exit code {result.returncode}: {said}"
        raise DeviceError("FlasherFailed", message, command=shlex.join(command))
    return lines[-1] if lines else ""
