"""Emulated boards: QEMU as a child that never outlives its parent.

All lines to it are sockets that this process made before: nothing has a name or a port number that could be taken.
"""

import contextlib
import os
import random
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Final, Self

from iotsign.device._board import Area, Board
from iotsign.device._flash_file import emulated, hold_flash
from iotsign.device._qmp import GdbLine, QmpLine
from iotsign.device._transport import SerialTransport
from iotsign.errors import DeviceError, DeviceTimeoutError

__all__ = ["EmulatedBoard"]

_LOAD_S: Final = 30.0
# the child dies with the thread that made it; the shell sees whether that has died before the kernel was told
_LEASH: Final = ("setpriv", "--pdeathsig", "KILL", "--", "sh", "-c", '[ $PPID = "$0" ] && exec "$@"')
_PACKAGES: Final = {"qemu-system-arm": "qemu-system-arm"}
# QEMU 7.2 was seen to sleep for minutes although work was due, deaf to the serial line; it seems to lose the wake-up
# for a timer that the processor sets while it reads a drive. A filter on an unused network has a timer, once a second.
_HEARTBEAT: Final = (
    *("-netdev", "hubport,id=nowhere,hubid=0"),
    *("-object", "filter-buffer,id=heartbeat,netdev=nowhere,interval=1000000"),
)
_IDLE_WORDS: Final = (": info: ", "nowhere has no peer")
_FLASH_FUNCTIONS: Final = ("iotsign_flash_write", "iotsign_flash_erase")


class EmulatedBoard:
    """One board under QEMU, from power on to power off.

    It begins to run when its serial line is opened, so that nothing it prints is lost.

    Attributes:
        board: The kind of board.
        flash_file: Its flash, kept over power cycles.
        port: What to open: ``socket://127.0.0.1:PORT``, the same for the life of this object.
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
        self._qemu, self._flash = emulated(board)
        self.board = board
        self.flash_file = flash_file
        self._bootloader = bootloader or _built(board)
        program = self._qemu.command[0]
        if shutil.which(program) is None:
            package = _PACKAGES.get(program, "qemu-system-misc")
            hint = f"sudo apt-get install {package}"
            raise DeviceError("QemuMissing", f"{program} is not installed", program=program, hint=hint)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = f"socket://127.0.0.1:{self._listener.getsockname()[1]}"
        self._running: _Process | None = None
        self._cutter: threading.Thread | None = None
        self._cutting = threading.Lock()
        self._is_off = threading.Event()
        self._loader: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Tell whether QEMU runs."""
        return self._running is not None and self._running.process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of QEMU; 0 if it was never started."""
        return self._running.process.pid if self._running else 0

    def start(self) -> None:
        """Power the board up. It ends, at the latest, with the thread that calls this.

        Raises:
            DeviceError: It runs already, another one runs on its flash, that is not a flash of this board, or it cannot
                be started.
        """
        if self.running:
            raise DeviceError("AlreadyRunning", f"{self.board.board_id} runs already", port=self.port)
        self._forget()
        held = hold_flash(self._qemu, self.flash_file)
        self._is_off.clear()
        (qmp, their_qmp), (gdb, their_gdb) = socket.socketpair(), socket.socketpair()
        passed = [self._listener.fileno(), their_qmp.fileno(), their_gdb.fileno()]
        words = {"bootloader": str(self._bootloader), "flash": str(self.flash_file)}
        command = [
            *(word.format(**words) for word in self._qemu.command),
            *("-display", "none", "-monitor", "none", "-nodefaults"),
            *("-chardev", f"socket,id=serial,fd={passed[0]},server=on,wait=on,nodelay=on", "-serial", "chardev:serial"),
            *("-chardev", f"socket,id=control,fd={passed[1]}", "-mon", "chardev=control,mode=control"),
            *("-chardev", f"socket,id=debugger,fd={passed[2]}", "-gdb", "chardev:debugger"),
            *_HEARTBEAT,
            *(() if self._qemu.persistent else ("-S",)),
        ]
        log = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        try:
            process = subprocess.Popen(
                [*_LEASH, str(os.getpid()), *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=passed
            )
        except OSError as error:
            for opened in (qmp, their_qmp, gdb, their_gdb, log, held):
                opened.close()
            message = f"cannot start {_LEASH[0]}: {error.strerror}"
            raise DeviceError("CannotStart", message, port=self.port) from error
        their_qmp.close()
        their_gdb.close()
        self._running = _Process(process, QmpLine(qmp), GdbLine(gdb), log, held)
        if not self._qemu.persistent:
            self._loader = threading.Thread(target=self._load_flash, args=(self._running,), daemon=True)
            self._loader.start()

    def open(self) -> SerialTransport:
        """Open the serial line; the board begins to run.

        Raises:
            DeviceError: QEMU does not run the board; the message is QEMU's own.
        """
        line = SerialTransport(self.port, self.board.baud)
        try:
            self._await_flash()
            self._control.qmp.greet()
        except DeviceError:
            line.close()
            raise DeviceError("QemuFailed", f"QEMU does not run the board: {self.complaint()}") from None
        return line

    def execute(self, command: str, **arguments: Any) -> Any:
        """Run a QMP command, for example ``query-status``.

        Raises:
            DeviceError: The board does not run, or QEMU refuses the command.
        """
        self._await_flash()
        return self._control.qmp.execute(command, **arguments)

    def reset(self) -> None:
        """Press the reset button."""
        self.execute("system_reset")

    def pause(self) -> None:
        """Stop the processor."""
        self.execute("stop")

    def resume(self) -> None:
        """Let the processor go on."""
        self.execute("cont")

    def cut_power(self) -> None:
        """Take the power away, now; what the flash holds stays as it is."""
        self._is_off.set()
        with self._cutting:
            if self.running:
                if self._control.qmp.has_begun:
                    # QEMU writes some flash files in the background; to pause it means to wait for that
                    with contextlib.suppress(DeviceError):
                        self.pause()
                        if not self._qemu.persistent:
                            self._save_flash()
                self._control.process.kill()
            if self._running is not None:
                self._running.process.wait()
                self._running.flash.close()

    def cut_power_at(self, operation: int, *, instructions: int = 0) -> None:
        """Take the power away when the boot loader begins its n-th write or erase of the flash from now on.

        Returns at once. The board runs until then; `wait_for_cut` waits.

        Args:
            operation: Counted from 1.
            instructions: How many instructions of it are still run.

        Raises:
            DeviceError: The board does not run.
        """
        gdb = self._control.gdb
        self._await_flash()
        self._control.qmp.greet()
        addresses = flash_functions(self._bootloader)
        gdb.stop()
        for address in addresses:
            gdb.set_breakpoint(address)
        gdb.resume()
        arguments = (gdb, addresses, operation, instructions)
        self._cutter = threading.Thread(target=self._cut_at, args=arguments, daemon=True)
        self._cutter.start()

    def cut_power_within(self, longest_s: float, seed: int) -> float:
        """Take the power away at a moment that a seed chooses; returns at once.

        Args:
            longest_s: The latest moment, in seconds from now.
            seed: Chooses the moment.

        Returns:
            The moment, in seconds from now.

        Raises:
            DeviceError: The board does not run.
        """
        self._await_flash()
        self._control.qmp.greet()
        moment = random.Random(seed).uniform(0, longest_s)  # noqa: S311 - a moment, no secret

        def cut() -> None:
            if not self._is_off.wait(moment):
                self.cut_power()

        self._cutter = threading.Thread(target=cut, daemon=True)
        self._cutter.start()
        return moment

    def wait_for_cut(self, timeout_s: float) -> bool:
        """Wait for the cut that `cut_power_at` or `cut_power_within` promised.

        Returns:
            False if the board runs still.
        """
        if self._cutter is not None:
            self._cutter.join(timeout_s)
        return not self.running

    def stop(self) -> None:
        """Switch the board off and let go of all that belongs to it."""
        self.cut_power()
        self._forget()
        self._listener.close()

    def wait(self) -> int:
        """Wait until QEMU ends; gives its exit code."""
        return self._control.process.wait()

    def complaint(self) -> str:
        """Give the last line that QEMU wrote, or an empty text."""
        log = self._control.log
        log.seek(0)
        lines = [
            line
            for line in log.read().decode(errors="replace").splitlines()
            if not any(words in line for words in _IDLE_WORDS)
        ]
        return lines[-1] if lines else "it ended without a word"

    def __enter__(self) -> Self:
        try:
            self.start()
        except DeviceError:
            if not self.running:
                self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _control(self) -> "_Process":
        if self._running is None:
            raise DeviceError("NotRunning", f"{self.board.board_id} is switched off", board=self.board.board_id)
        return self._running

    def _forget(self) -> None:
        for thread in (self._cutter, self._loader):
            if thread is not None:
                thread.join()
        self._cutter = self._loader = None
        if self._running is not None:
            self._running.close()
            self._running = None

    def _cut_at(self, gdb: GdbLine, addresses: Sequence[int], operation: int, instructions: int) -> None:
        # the board may be switched off meanwhile: then there is nothing left to cut
        with contextlib.suppress(DeviceError):
            for remaining in range(operation, 0, -1):
                if not gdb.wait_for_stop(lambda: self.running):
                    return
                if remaining > 1:
                    gdb.pass_breakpoints(addresses)
            for address in addresses if instructions else ():
                gdb.clear_breakpoint(address)
            for _ in range(instructions):
                gdb.step()
            self.cut_power()

    def _areas(self) -> Iterator[Area]:
        flash = self._flash
        yield from (flash.primary, flash.secondary, flash.scratch, flash.provisioning)

    def _await_flash(self) -> None:
        """Wait until the flash is loaded, which begins when the serial line is opened."""
        if self._loader is not None:
            self._loader.join(_LOAD_S)
            if self._loader.is_alive():
                message = f"{self.board.board_id} waits for its serial line to be opened"
                raise DeviceTimeoutError("LineNotOpened", message, port=self.port)

    def _load_flash(self, running: "_Process") -> None:
        base = self._flash.base or 0
        with contextlib.suppress(DeviceError), self.flash_file.open("rb") as file:
            running.qmp.greet(None)
            for area in self._areas():
                file.seek(area.offset)
                for at in range(0, area.size, self._flash.sector_size):
                    # erased sectors, too: QEMU's flash begins as zeros
                    running.gdb.write_memory(base + area.offset + at, file.read(self._flash.sector_size))
            running.qmp.execute("cont")

    def _save_flash(self) -> None:
        """Write the emulated flash of a paused board back into its file."""
        with tempfile.TemporaryDirectory() as directory:
            dump = Path(directory) / "flash"
            base, size = self._flash.base or 0, self._flash.size
            self.execute("memsave", val=base, size=size, filename=str(dump))  # as the processor sees it
            with self.flash_file.open("r+b") as file, dump.open("rb") as content:
                for area in self._areas():
                    content.seek(area.offset)
                    file.seek(area.offset)
                    file.write(content.read(area.size))


@dataclass(frozen=True, slots=True)
class _Process:
    """QEMU, and the lines to it."""

    process: "subprocess.Popen[bytes]"
    qmp: QmpLine
    gdb: GdbLine
    log: IO[bytes]
    flash: IO[bytes]

    def close(self) -> None:
        self.qmp.close()
        self.gdb.close()
        self.log.close()
        self.flash.close()


def _built(board: Board) -> Path:
    found = board.bootloader
    if found is None:
        message = f"the boot loader of {board.board_id} is not built"
        raise DeviceError("BootloaderMissing", message, board=board.board_id, hint="make -C boards")
    return found


@lru_cache
def flash_functions(bootloader: Path) -> tuple[int, ...]:
    """Find where a boot loader's functions that write and erase the flash begin.

    Raises:
        DeviceError: It has no such symbols.
    """
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import SymbolTableSection

    with bootloader.open("rb") as file:
        symbols = ELFFile(file).get_section_by_name(".symtab")
        listed = symbols.iter_symbols() if isinstance(symbols, SymbolTableSection) else ()
        names = {symbol.name: symbol["st_value"] & ~1 for symbol in listed}
    missing = [name for name in _FLASH_FUNCTIONS if name not in names]
    if missing:
        raise DeviceError("NoSymbols", f"{bootloader} has no symbol {missing[0]}", file=str(bootloader))
    return tuple(names[name] for name in _FLASH_FUNCTIONS)
