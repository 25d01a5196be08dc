"""Programs for emulated boards, and one's serial line.

Lies on the import path of the tests.
"""

import fcntl
import re
import shutil
import socket
import struct
import subprocess
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from iotsign.device import Board, EmulatedBoard

ROOT = Path(__file__).parents[2]
BOARDS = ROOT / "boards"
BUILD = ROOT / "build" / "boards"
PROBE = ROOT / "tests" / "ports" / "probe.c"
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror"]
CORES = {
    "rv32imc": ["riscv64-unknown-elf-gcc", "-march=rv32imc", "-mabi=ilp32", "-misa-spec=2.2", "-mcmodel=medany"],
    "cortex-m0": ["arm-none-eabi-gcc", "-mcpu=cortex-m0", "-mthumb"],
    "cortex-m3": ["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb"],
}
GENEROUS_S = 180  # a busy machine is no failure; emcraft-sf2 swaps 64 KiB for a small image


def missing_tool(board: Board) -> str:
    """The first program that is not installed, or nothing."""
    assert board.qemu is not None
    programs = (CORES[board.core][0], board.qemu.command[0], "cmake", "ninja")
    return next((name for name in programs if shutil.which(name) is None), "")


def build_board(board: Board) -> Path:
    """Build boot loader and samples, or wait until another process has; returns where they lie."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / f"{board.board_id}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["make", "-C", str(BOARDS), f"BOARDS={board.board_id}", f"OUT={BUILD}"]
        made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert made.returncode == 0, made.stdout
    return BUILD / board.board_id


def build_probe(board: Board, directory: Path) -> Path:
    """Link probe.c with a port."""
    folder = board.file.parent
    program = directory / f"probe-{board.board_id}.elf"
    build = build_board(board)
    targets = subprocess.run(
        ["ninja", "-C", str(build), "-t", "targets", "all"], check=True, capture_output=True, text=True
    )
    objects = [build / name for name in re.findall(r"^(\S+/port\.dir/\S+): ", targets.stdout, re.MULTILINE)]
    loader_only = re.findall(r"set\(BOARD_LOADER_SOURCES ([^)]*)\)", (folder / "board.cmake").read_text())
    flags = ["-std=c99", "-Os", "-ffreestanding", *WARNINGS, f"-I{BOARDS / 'bootloader' / 'include'}"]
    sources = [PROBE, *(BOARDS / name for line in loader_only for name in line.split()), *objects]
    link = ["-nostdlib", "-Wl,--gc-sections,--no-warn-rwx-segments", f"-L{BOARDS}", "-T", str(folder / "board.ld")]
    command = [*CORES[board.core], *flags, *link, *map(str, sources), "-lgcc", "-o", str(program)]
    subprocess.run(command, check=True)
    return program


class Line:
    """An emulated board that runs, and what it says."""

    def __init__(self, emulated: EmulatedBoard) -> None:
        self.emulated = emulated
        emulated.start()
        address = urlsplit(emulated.port)
        self._socket = socket.create_connection((address.hostname, address.port), GENEROUS_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self.emulated.stop()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def receive(self, size: int) -> bytes:
        """Exactly so many bytes."""
        while len(self._received) < size:
            data = self._socket.recv(65536)
            assert data, self.emulated.complaint()
            self._received += data
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    def read_line(self) -> str:
        """The next line, without its end."""
        line = b""
        while not line.endswith(b"\n"):
            line += self.receive(1)
        return line.decode("ascii").rstrip("\r\n")


class Probe(Line):
    """A board that runs probe.c: each method is one function of the port."""

    def __init__(self, emulated: EmulatedBoard) -> None:
        super().__init__(emulated)
        self.await_greeting()

    def await_greeting(self) -> None:
        assert self.read_line() == "probe"

    def ask(self, operation: str, a: int = 0, b: int = 0, data: bytes = b"") -> int:
        self.begin(operation, a, b, data)
        return self.answer()

    def begin(self, operation: str, a: int = 0, b: int = 0, data: bytes = b"") -> None:
        self.send(operation.encode() + struct.pack("<II", a, b) + data)

    def answer(self) -> int:
        return int(struct.unpack("<i", self.receive(4))[0])

    def erase(self, offset: int, length: int) -> int:
        return self.ask("E", offset, length)

    def write(self, offset: int, data: bytes) -> int:
        return self.ask("W", offset, len(data), data)

    def read(self, offset: int, length: int) -> bytes:
        """What lies in the flash; the port must be able to read it."""
        parts = []
        for at in range(offset, offset + length, 2048):
            size = min(2048, offset + length - at)
            assert self.ask("R", at, size) == 0
            parts.append(self.receive(size))
        return b"".join(parts)
