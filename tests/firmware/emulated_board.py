"""Boards that QEMU emulates, with the boot loader that boards/ builds.

Tests and benchmarks share this file; it lies on the import path of both. It knows nothing but board.toml.
"""

import contextlib
import fcntl
import io
import json
import os
import select
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from simulated_board import BOOT_KEY, provisioning_page, spki

ROOT: Final = Path(__file__).resolve().parents[2]
BOARDS: Final = ROOT / "boards"
TRAILER_MAGIC: Final = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")
HEADER_SIZE: Final = 0x200
PATIENCE_S: Final = 60.0
"""How long a line may take on a machine with better things to do."""


@dataclass(frozen=True)
class Board:
    """What board.toml says, and where it is said."""

    file: Path

    @property
    def name(self) -> str:
        """The board's id."""
        return self.file.parent.name

    @property
    def descriptor(self) -> dict[str, Any]:
        """The whole file."""
        return tomllib.loads(self.file.read_text())

    @property
    def slots(self) -> dict[str, dict[str, int]]:
        """Offset and size of each area."""
        slots: dict[str, dict[str, int]] = self.descriptor["slots"]
        return slots

    @property
    def compiler(self) -> str:
        """The C compiler that builds for it."""
        return "riscv64-unknown-elf-gcc" if self.descriptor["core"].startswith("rv") else "arm-none-eabi-gcc"

    @property
    def missing(self) -> str:
        """The first program that is not installed, or nothing."""
        programs = ("cmake", "ninja", self.compiler, self.descriptor["qemu"]["command"][0])
        return next((name for name in programs if shutil.which(name) is None), "")

    def flash(self, areas: Mapping[str, bytes], *, pending: bool = False) -> bytes:
        """A flash image: what lies at the start of each area; `pending` asks for the secondary image to be tried."""
        image = bytearray(b"\xff" * self.descriptor["qemu"]["flash_file_size"])
        for name, data in areas.items():
            offset = self.slots[name]["offset"]
            image[offset : offset + len(data)] = data
        if pending:
            end = self.slots["secondary"]["offset"] + self.slots["secondary"]["size"]
            image[end - len(TRAILER_MAGIC) : end] = TRAILER_MAGIC
        return bytes(image)


def all_boards() -> dict[str, Board]:
    """Every board that has a port."""
    return {port.parent.name: Board(port.with_name("board.toml")) for port in sorted(BOARDS.glob("*/port.c"))}


def build(board: Board, directory: Path | None = None, *, target: str = "all") -> Path:
    """Build boot loader and samples; an earlier build there is brought up to date.

    Args:
        board: What to build for; its file may lie elsewhere than in the port's folder if that has the same name.
        directory: Where; by default where ``make -C boards`` does it.
        target: What.

    Returns:
        The directory.
    """
    directory = directory or ROOT / "build" / "boards" / board.name
    directory.mkdir(parents=True, exist_ok=True)
    toolchain = f"-DCMAKE_TOOLCHAIN_FILE={BOARDS / board.name / 'board.cmake'}"
    configure = ["cmake", "-S", str(BOARDS), "-B", str(directory), "-G", "Ninja", toolchain]
    configure.append(f"-DBOARD_TOML={board.file}")
    with directory.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (configure, ["cmake", "--build", str(directory), "--target", target]):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            if done.returncode != 0:
                raise SystemExit(done.stdout)
    return directory


class Running:
    """A board that is switched on: its serial line and its reset button."""

    def __init__(self, process: subprocess.Popen[bytes], control: Path) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._input, self._output = process.stdin.fileno(), process.stdout.fileno()
        self._control = control
        self._unread = b""
        self.transcript = b""

    def line(self) -> str:
        """The next line that is not empty.

        Raises:
            AssertionError: None came, or the emulator ended.
        """
        deadline = time.monotonic() + PATIENCE_S
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._output], [], [], max(0.0, deadline - time.monotonic()))
            data = os.read(self._output, 65536) if ready else b""
            assert data, f"no line; so far:\n{self.transcript.decode(errors='replace')}"
            self._unread += data
            self.transcript += data
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode(errors="replace").strip() or self.line()

    def send(self, data: bytes) -> None:
        """Send to the board."""
        os.write(self._input, data)

    def reset(self) -> None:
        """Press reset; RAM and flash keep their content."""
        with closing(socket.socket(socket.AF_UNIX)) as control:
            control.connect(str(self._control))
            with control.makefile("rw") as stream:
                stream.readline()
                for command in ("qmp_capabilities", "system_reset"):
                    stream.write(json.dumps({"execute": command}) + "\n")
                    stream.flush()
                    while "return" not in json.loads(stream.readline()):
                        pass


@contextmanager
def switched_on(board: Board, bootloader: Path, flash: Path, *options: str) -> Iterator[Running]:
    """Run a board until the block ends; its flash is a file."""
    with tempfile.TemporaryDirectory() as directory:
        control = Path(directory) / "qmp"
        command = [part.format(bootloader=bootloader, flash=flash) for part in board.descriptor["qemu"]["command"]]
        command += ["-display", "none", "-monitor", "none", "-serial", "stdio"]
        command += ["-qmp", f"unix:{control},server=on,wait=off", *options]
        # it dies with this process, however that ends
        with subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            try:
                yield Running(process, control)
            finally:
                process.kill()


@dataclass(frozen=True)
class Bench:
    """A board, what was built for it, and keys.

    Attributes:
        board: The board.
        build: The directory of boot loader and samples.
        directory: For files of this test.
        keys: imgtool's key files: ``owner`` is trusted by the device, ``stranger`` is not.
    """

    board: Board
    build: Path
    directory: Path
    keys: dict[str, Path] = field(default_factory=dict)

    def image(self, version: str, sample: str = "confirming", *options: object, key: str = "owner") -> bytes:
        """A sample, signed by imgtool."""
        from imgtool.main import imgtool

        output = self.directory / "image.bin"
        arguments = [
            "sign",
            "--key",
            self.keys[key],
            "--version",
            version,
            "--header-size",
            HEADER_SIZE,
            "--pad-header",
        ]
        arguments += ["--slot-size", self.board.slots["primary"]["size"], "--align", 8, *options]
        arguments += [self.build / f"{sample}.bin", output]
        with contextlib.redirect_stdout(io.StringIO()):
            imgtool.main([str(argument) for argument in arguments], standalone_mode=False)
        return output.read_bytes()

    def page(self) -> bytes:
        """The provisioning page."""
        key = serialization.load_pem_private_key(self.keys["owner"].read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return provisioning_page([(BOOT_KEY, spki(key))])

    def provisioning(self, counter: int = 0) -> bytes:
        """Provisioning page and counter records (counter.c)."""
        record = struct.pack("<II", counter, counter ^ 0xFFFFFFFF) if counter else b""
        return self.page().ljust(self.board.descriptor["flash"]["sector_size"], b"\xff") + record

    @contextmanager
    def run(self, flash: bytes, *options: str) -> Iterator[Running]:
        """Switch the board on with this flash."""
        file = self.directory / "flash.bin"
        file.write_bytes(flash)
        with switched_on(self.board, self.build / "bootloader.elf", file, *options) as running:
            yield running
