"""A board with the boot loader on it, and images that imgtool signed for it.

Lies on the import path of tests and benchmarks.
"""

import contextlib
import io
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from emulated_boards import Line
from simulated_board import BOOT_KEY, provisioning_page, spki

from iotsign.device import Area, Board, EmulatedBoard, Flash, PtyRelay, SerialTransport, SmpClient, make_flash

HEADER_SIZE: Final = 0x200
GENEROUS_S: Final = 180.0  # a busy machine is no failure
TRAILER_MAGIC: Final = bytes.fromhex("77c295f360d2ef7f3552500f2cb67980")


def make_keys(directory: Path) -> dict[str, Path]:
    """Key files that imgtool makes: the device trusts ``owner``, not ``stranger``."""
    files = {name: directory / f"{name}.pem" for name in ("owner", "stranger")}
    for file in files.values():
        run_imgtool("keygen", "-t", "ecdsa-p256", "-k", file)
        file.chmod(0o600)
    return files


def run_imgtool(*arguments: object) -> None:
    """Run imgtool 2.5 in this process."""
    from imgtool.main import imgtool

    with contextlib.redirect_stdout(io.StringIO()):
        imgtool.main([str(argument) for argument in arguments], standalone_mode=False)


@dataclass(frozen=True)
class Bench:
    """A board and what belongs to it.

    Attributes:
        board: The board.
        build: The directory of boot loader and samples.
        directory: For the files of one test.
        keys: What `make_keys` made.
    """

    board: Board
    build: Path
    directory: Path
    keys: dict[str, Path]

    @property
    def flash(self) -> Flash:
        """Where the slots lie."""
        assert self.board.flash is not None
        return self.board.flash

    def image(self, version: str, program: str | bytes = "confirming", *options: object, key: str = "owner") -> bytes:
        """A sample, or any program, signed by imgtool."""
        source, output = self.directory / "program.bin", self.directory / "image.bin"
        source.write_bytes(program if isinstance(program, bytes) else (self.build / f"{program}.bin").read_bytes())
        sizes = ["--header-size", HEADER_SIZE, "--pad-header", "--slot-size", self.flash.primary.size]
        run_imgtool("sign", "-k", self.keys[key], "-v", version, *sizes, "--align", 8, *options, source, output)
        return output.read_bytes()

    def provisioning(self, counter: int = 0) -> bytes:
        """Provisioning page and, if it is not 0, the stored security counter (counter.c)."""
        key = serialization.load_pem_private_key(self.keys["owner"].read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        record = struct.pack("<II", counter, counter ^ 0xFFFFFFFF) if counter else b""
        return provisioning_page([(BOOT_KEY, spki(key))]).ljust(self.flash.sector_size, b"\xff") + record

    def start(
        self,
        areas: Mapping[str, bytes],
        *,
        pending: bool = False,
        program: str = "bootloader",
        options: tuple[str, ...] = (),
    ) -> Line:
        """Switch the board on.

        Args:
            areas: What lies at the start of each area of the flash.
            pending: Whether the secondary image shall be tried.
            program: The program that the processor starts with.
            options: More arguments for the emulator.
        """
        return Line(self._switchable(areas, pending=pending, program=program, options=options))

    @contextlib.contextmanager
    def terminal(self, areas: Mapping[str, bytes]) -> Iterator[str]:
        """Switch the board on, with these areas of the flash; gives a pseudo-terminal for other people's programs."""
        with self._switchable(areas, pending=False, program="bootloader", options=()) as emulated:
            relay = PtyRelay(emulated.port)
            try:
                yield relay.port
            finally:
                relay.close()

    def _switchable(
        self, areas: Mapping[str, bytes], *, pending: bool, program: str, options: tuple[str, ...]
    ) -> EmulatedBoard:
        file = self.directory / "flash.img"
        make_flash(self.board, file)
        with file.open("r+b") as flash:
            for name, data in areas.items():
                area: Area = getattr(self.flash, name)
                flash.seek(area.offset)
                flash.write(data)
            if pending:
                flash.seek(self.flash.secondary.end - len(TRAILER_MAGIC))
                flash.write(TRAILER_MAGIC)
        assert self.board.qemu is not None
        board = replace(self.board, qemu=replace(self.board.qemu, command=(*self.board.qemu.command, *options)))
        return EmulatedBoard(board, file, bootloader=self.build / f"{program}.elf")


def confirmed_on(port: str, version: str) -> bool:
    """Bring a board behind a terminal into its boot loader once it has started a version; whether that is confirmed.

    What it printed meanwhile may be gone: the program that had the terminal before has read it.
    """
    with SmpClient(SerialTransport(port)) as client:
        while True:
            client.connect(GENEROUS_S)
            running = next(image for image in client.images() if image.slot == 0)
            if running.version == version:
                await_last_answer(client)
                return bool(running.confirmed)
            # called before it had begun to swap
            client.console.clear()
            client.reset()
            assert client.wait_for_line(lambda line: line.startswith("booting"), GENEROUS_S)


def await_last_answer(client: SmpClient) -> None:
    """Read the answers to all that was sent again: the next program on the line would take them for its own."""
    while True:
        before = client.retries
        client.echo("last")
        if client.retries == before:
            return
