"""Emulated boards: QEMU as a child that never outlives its parent.

All lines to it are sockets that this process made before: nothing has a name or a port number that could be taken.
"""

import os
import random
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from iotsign.device._board import Board, Flash, Qemu
from iotsign.device._qmp import GdbLine, QmpLine
from iotsign.errors import DeviceError, ImageTooLargeError

__all__ = ["EmulatedBoard", "make_flash"]

_ERASED: Final = b"\xff"
_CHUNK: Final = 1 << 20
# the child dies with the thread that made it; the shell sees whether that has died before the kernel was told
_LEASH: Final = ("setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", '[ $PPID = "$0" ] && exec "$@"')
_PACKAGES: Final = {"qemu-system-arm": "qemu-system-arm"}
_FLASH_FUNCTIONS: Final = ("iotsign_flash_write", "iotsign_flash_erase")
_END_TIMEOUT_S: Final = 10.0


def make_flash(board: Board, file: Path, *, page: bytes = b"", image: bytes = b"") -> None:
    """Make the flash image file of a new emulated board: erased, but for what the factory writes.

    Args:
        board: The board.
        file: The file; an existing one is replaced.
        page: The provisioning page.
        image: A signed image for the primary slot.

    Raises:
        DeviceError: The board is no emulated one.
        ImageTooLargeError: The image does not fit its slot.
    """
    qemu, flash = _emulated(board)
    if len(image) > flash.primary.size:
        message = f"the slot of {board.board_id} takes {flash.primary.size} bytes, got {len(image)}"
        raise ImageTooLargeError("ImageTooLarge", message, limit=flash.primary.size, got=len(image))
    with file.open("wb") as out:
        for at in range(0, qemu.flash_file_size, _CHUNK):
            out.write(_ERASED * min(_CHUNK, qemu.flash_file_size - at))
        for offset, data in ((flash.provisioning.offset, page), (flash.primary.offset, image)):
            out.seek(offset)
            out.write(data)


def _emulated(board: Board) -> tuple[Qemu, Flash]:
    if board.qemu is None or board.flash is None:
        message = f"{board.board_id} is a real board; QEMU does not run it"
        raise DeviceError("NotEmulated", message, board=board.board_id)
    return board.qemu, board.flash


class EmulatedBoard:
    """One board under QEMU, from power on to power off.

    It begins to run when its serial line is opened the first time, so that nothing it prints is lost.

    Attributes:
        board: The kind of board.
        flash_file: Its flash, kept over power cycles.
        port: What to open: ``socket://127.0.0.1:PORT``.
    """

    def __init__(self, board: Board, flash_file: Path, *, bootloader: Path | None = None) -> None:
        """Describe a board; `start` starts it.

        Args:
            board: The kind of board.
            flash_file: Its flash, as `make_flash` makes it.
            bootloader: The boot loader's ELF file; by default `Board.bootloader`.

        Raises:
            DeviceError: It is a real board, its boot loader is not built, or QEMU is not installed.
        """
        self._qemu, self._flash = _emulated(board)
        self.board = board
        self.flash_file = flash_file
        self.port = ""
        found = bootloader or board.bootloader
        if found is None:
            message = f"the boot loader of {board.board_id} is not built"
            raise DeviceError("BootloaderMissing", message, board=board.board_id, hint="make -C boards")
        self._bootloader = found
        program = self._qemu.command[0]
        if shutil.which(program) is None:
            package = _PACKAGES.get(program, "qemu-system-misc")
            hint = f"sudo apt-get install {package}"
            raise DeviceError("QemuMissing", f"{program} is not installed", program=program, hint=hint)
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: list[socket.socket] = []
        self._log: Path | None = None

    @property
    def running(self) -> bool:
        """Tell whether QEMU runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of QEMU; 0 if it does not run."""
        return self._process.pid if self._process else 0

    def start(self) -> str:
        """Power the board up and give its port.

        The board ends with the thread that calls this.
        """
        if self.running:
            raise DeviceError("AlreadyRunning", f"{self.board.board_id} runs already", port=self.port)
        self.stop()
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        ours, theirs = zip(*(socket.socketpair() for _ in range(2)), strict=True)
        passed = [listener, *theirs]
        serial, qmp, gdb = (line.fileno() for line in passed)
        words = {"bootloader": str(self._bootloader), "flash": str(self.flash_file)}
        command = [
            *(word.format(**words) for word in self._qemu.command),
            *("-display", "none", "-monitor", "none"),
            *("-chardev", f"socket,id=serial,fd={serial},server=on,wait=on,nodelay=on", "-serial", "chardev:serial"),
            *("-chardev", f"socket,id=control,fd={qmp}", "-mon", "chardev=control,mode=control"),
            *("-chardev", f"socket,id=debugger,fd={gdb}", "-gdb", "chardev:debugger"),
            *(() if self._qemu.persistent else ("-S",)),
        ]
        with tempfile.TemporaryFile() as log:
            self._process = subprocess.Popen(
                [*_LEASH, str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[line.fileno() for line in passed],
            )
            self._errors = os.dup(log.fileno())
        for line in passed:
            line.close()
        self._qmp, self._gdb = QmpLine(ours[0]), GdbLine(ours[1])
        if not self._qemu.persistent:
            threading.Thread(target=self._load, daemon=True).start()
        return self.port

    def complaint(self) -> str:
        """Give what QEMU said before it ended, its last line."""
        size = os.fstat(self._errors).st_size
        lines = os.pread(self._errors, size, 0).decode(errors="replace").splitlines() if self._process else []
        return lines[-1] if lines else ""
