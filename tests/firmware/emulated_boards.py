"""Run the boot loader, or a probe of its port, on an emulated board, as a debug probe and a serial line would see it.

Lies on the import path of the tests.
"""

import fcntl
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

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
MOST_DATA = 1984  # bytes that a packet of the debugger takes
GENEROUS_S = 60  # a busy machine is no failure


@dataclass(frozen=True)
class Board:
    """A board as its board.toml describes it."""

    name: str

    @property
    def description(self) -> dict[str, Any]:
        return tomllib.loads((BOARDS / self.name / "board.toml").read_text())

    @property
    def missing(self) -> str:
        """The first program that is not installed, or nothing."""
        programs = (CORES[self.description["core"]][0], self.description["qemu"]["command"][0], "cmake", "ninja")
        return next((name for name in programs if shutil.which(name) is None), "")

    def area(self, name: str) -> tuple[int, int]:
        """Offset and size of a slot in the flash."""
        area = self.description["slots"][name]
        return area["offset"], area["size"]

    @property
    def sector(self) -> int:
        return int(self.description["flash"]["sector_size"])

    @property
    def is_persistent(self) -> bool:
        return bool(self.description["qemu"]["persistent"])

    @property
    def runs_in_place(self) -> bool:
        return "base" in self.description["flash"]

    def build(self) -> Path:
        """Build boot loader and samples, or wait until another process has; returns where they lie."""
        BUILD.mkdir(parents=True, exist_ok=True)
        with (BUILD / f"{self.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            command = ["make", "-C", str(BOARDS), f"BOARDS={self.name}", f"OUT={BUILD}"]
            made = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            assert made.returncode == 0, made.stdout
        return BUILD / self.name

    def build_probe(self, directory: Path) -> Path:
        """Link probe.c with the port."""
        program = directory / f"probe-{self.name}.elf"
        objects = sorted((self.build() / "CMakeFiles").rglob("port.dir/**/*.obj"))
        loader_only = [BOARDS / name for name in self._settings("BOARD_LOADER_SOURCES")]
        flags = ["-std=c99", "-Os", "-ffreestanding", *WARNINGS]
        link = ["-nostdlib", "-Wl,--gc-sections,--no-warn-rwx-segments", "-lgcc", "-o", str(program)]
        paths = [f"-I{BOARDS / 'bootloader' / 'include'}", f"-L{BOARDS}", "-T", str(BOARDS / self.name / "board.ld")]
        sources = [str(path) for path in (PROBE, *loader_only, *objects)]
        command = [*CORES[self.description["core"]], *flags, *paths, *sources, *link]
        subprocess.run(command, check=True)
        return program

    def _settings(self, name: str) -> list[str]:
        text = (BOARDS / self.name / "board.cmake").read_text()
        found = re.search(rf"set\({name} ([^)]*)\)", text)
        return found[1].split() if found else []

    def make_flash(self, directory: Path, contents: dict[int, bytes] | None = None) -> Path:
        """A file for the flash: erased, but for what lies at the given offsets."""
        path = directory / "flash.img"
        with path.open("wb") as file:
            file.truncate(self.description["qemu"]["flash_file_size"])
            used = max(offset + size for offset, size in map(self.area, self.description["slots"]))
            file.write(b"\xff" * used)
            for offset, data in (contents or {}).items():
                file.seek(offset)
                file.write(data)
        return path


class Emulator:
    """One run of an emulated board; the serial line is a socket that it connects to, so that no port number can clash.

    Args:
        board: The board.
        program: What is loaded at each reset.
        flash: The file of its flash; a board whose flash dies with the process gets its content through the debugger.
        without: Arguments of the board's command that are left out.
    """

    def __init__(self, board: Board, program: Path, flash: Path, *, without: Sequence[str] = ()) -> None:
        qemu = board.description["qemu"]
        command = [part.format(bootloader=program, flash=flash) for part in qemu["command"] if part not in without]
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(GENEROUS_S)
            port = listener.getsockname()[1]
            endpoints = ("serial", "qmp") if board.is_persistent else ("serial", "qmp", "gdb")
            for name in endpoints:
                command += ["-chardev", f"socket,id={name},host=127.0.0.1,port={port},nodelay=on"]
            command += ["-display", "none", "-monitor", "none", "-serial", "chardev:serial", "-S"]
            command += ["-mon", "chardev=qmp,mode=control"]
            command += [] if board.is_persistent else ["-gdb", "chardev:gdb"]
            self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
            try:
                connections = [listener.accept()[0] for _ in endpoints]
            except TimeoutError:
                self.kill()
                raise
        for connection in connections:
            connection.settimeout(GENEROUS_S)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._serial, qmp, *debugger = connections
        self._qmp = qmp.makefile("rwb", buffering=0)
        qmp.close()
        self._received = b""
        assert b"QMP" in self._qmp.readline()
        self.control("qmp_capabilities")
        if debugger:
            with debugger[0]:
                _program_flash(debugger[0], flash.read_bytes(), board.area("primary")[0])
        self.control("cont")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._serial.close()
        self._qmp.close()

    def kill(self) -> None:
        """The power is cut."""
        self.process.kill()
        self.process.wait()

    def control(self, command: str) -> Any:
        """Give a QMP command and return its answer."""
        self._qmp.write(json.dumps({"execute": command}).encode() + b"\n")
        while True:
            answer = json.loads(self._qmp.readline())
            if "event" not in answer:
                return answer["return"]

    def send(self, data: bytes) -> None:
        self._serial.sendall(data)

    def receive(self, size: int) -> bytes:
        """Exactly so many bytes."""
        while len(self._received) < size:
            data = self._serial.recv(65536)
            assert data, "the emulator has ended"
            self._received += data
        taken, self._received = self._received[:size], self._received[size:]
        return taken

    def read_line(self) -> str:
        """The next line, without its end."""
        line = b""
        while not line.endswith(b"\n"):
            line += self.receive(1)
        return line.decode("ascii").rstrip("\r\n")

    @property
    def cpu_seconds(self) -> float:
        """Processor time that the emulator has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _program_flash(connection: socket.socket, content: bytes, start: int) -> None:
    """Write through the debugger, as a programmer would, and let go."""
    answers = connection.makefile("rb", buffering=0)

    def ask(command: str) -> None:
        frame = f"${command}#{sum(command.encode()) % 256:02x}"
        connection.sendall(frame.encode())
        while answers.read(1) not in (b"#", b""):
            pass
        answers.read(2)
        connection.sendall(b"+")

    with answers:
        ask("?")
        for at in range(start, len(content), MOST_DATA):
            data = content[at : at + MOST_DATA]
            ask(f"M{at:x},{len(data):x}:{data.hex()}")
        ask("D")


class Probe(Emulator):
    """A board that runs probe.c: each method is one function of the port."""

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
