"""Programs on the host that run the boot loader's code on simulated flash, one of them behind a pseudo-terminal.

Lies on the import path of the tests.
"""

import hashlib
import itertools
import os
import random
import select
import struct
import subprocess
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cbor2
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from smp import packet

ROOT: Final = Path(__file__).resolve().parents[2]
BOOTLOADER: Final = ROOT / "boards" / "bootloader"
CORE: Final = ROOT / "iotsign" / "core"
SIMULATED: Final = Path(__file__).resolve().parent / "simulated"
FLAGS: Final = ["-std=c99", "-D_XOPEN_SOURCE=700", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror"]

SLOT_SIZE: Final = 208 * 1024
SECTOR_SIZE: Final = 4096
CAPACITY: Final = SLOT_SIZE - SECTOR_SIZE  # the last sector is the trailer's
PROVISIONING: Final = 2 * SLOT_SIZE + SECTOR_SIZE
FLASH_SIZE: Final = PROVISIONING + 3 * SECTOR_SIZE

BOOT_KEY, BOOT_KEY_HASH, CODE_SIGNER, DEVICE_ID, ATTEST_KEY = range(1, 6)


def boot_sources(*, smp: bool) -> list[Path]:
    """The boot loader's own files, with or without the SMP server, and what they need of the core."""
    boot = sorted(path for path in (BOOTLOADER / "src").glob("*.c") if smp or not path.name.startswith("smp"))
    judge = ["sha256", "sha256_class", "sha256_compress", "sha256_constants", "sha256_twice"]
    judge += ["der", "spki", "ecdsa_der", "p256"]
    image = ["p256_judge", "hardened", "mcuboot", "mcuboot_hardened", "region", "region_memory"]
    server = ["base64", "base64_groups", "detached", "detached_hardened"] if smp else []
    return [*boot, *(CORE / "src" / f"{name}.c" for name in (*judge, *image, *server)), SIMULATED / "nor_flash.c"]


def include_flags() -> list[str]:
    """Where the boot loader, the core and the simulated flash keep their headers."""
    return [f"-I{path}" for path in (BOOTLOADER / "include", BOOTLOADER / "src", CORE / "include", SIMULATED)]


def build_board(directory: Path, *options: str, compiler: str = "gcc") -> Path:
    """Compile the board whose serial line is a pseudo-terminal."""
    program, main = directory / "board", directory / "main.o"
    flags = [*FLAGS, *(options or ("-O2",)), *include_flags()]
    boot_main = ["-Dmain=iotsign_boot_main", "-c", str(BOOTLOADER / "main.c"), "-o", str(main)]
    subprocess.run([compiler, *flags, *boot_main], check=True)
    sources = [str(main), str(SIMULATED / "board.c"), *map(str, boot_sources(smp=True))]
    subprocess.run([compiler, *flags, "-o", str(program), *sources], check=True)
    return program


def provisioning_page(entries: Sequence[tuple[int, bytes]]) -> bytes:
    """The page that says what a device trusts and who it is (provisioning.h)."""
    packed = b"".join(struct.pack("<HH", number, len(data)) + data for number, data in entries)
    page = struct.pack("<4sHH", b"ISP1", len(packed), 0) + packed
    return page + hashlib.sha256(page).digest()


def spki(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half in DER."""
    der, form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(der, form)


def sign_image(
    payload: bytes, key: ec.EllipticCurvePrivateKey, directory: Path, version: str, counter: int | None
) -> bytes:
    """Have imgtool make a boot image, with or without a security counter."""
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (directory / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    (directory / "payload.bin").write_bytes(payload)
    sign = [sys.executable, "-m", "imgtool.main", "sign", "--key", "key.pem", "--header-size", "32", "--pad-header"]
    sizes = ["--slot-size", str(SLOT_SIZE), "--align", "8", "--version", version]
    sizes += [] if counter is None else ["--security-counter", str(counter)]
    subprocess.run([*sign, *sizes, "payload.bin", "image.bin"], cwd=directory, check=True, capture_output=True)
    return (directory / "image.bin").read_bytes()


@dataclass(frozen=True)
class Board:
    """A running board.

    Attributes:
        port: The path of its serial line.
        flash: The file that is its flash.
        process: What runs it.
    """

    port: str
    flash: Path
    process: subprocess.Popen[str]

    def slot(self, number: int, length: int = SLOT_SIZE) -> bytes:
        """The first bytes of a slot."""
        return self.flash.read_bytes()[number * SLOT_SIZE :][:length]


@dataclass(frozen=True)
class Workshop:
    """The program, keys and images that tests of the boot loader begin with.

    Attributes:
        program: The board, with address and undefined-behaviour sanitizers.
        boot_key: Signs boot images.
        code_signer: Signs updates, where a page says so.
        old: A signed image, version 1.0.0, security counter 1.
        new: Another, version 1.1.0+7, security counter 2.
    """

    program: Path
    directory: Path
    boot_key: ec.EllipticCurvePrivateKey
    code_signer: ec.EllipticCurvePrivateKey
    old: bytes
    new: bytes

    @classmethod
    def make(cls, directory: Path) -> "Workshop":
        """Compile and sign."""
        program = build_board(directory, "-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
        keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
        source = random.Random(0)
        old = sign_image(source.randbytes(20_000), keys[0], directory, "1.0.0", 1)
        new = sign_image(source.randbytes(30_001), keys[0], directory, "1.1.0+7", 2)
        return cls(program, directory, keys[0], keys[1], old, new)

    def sign(self, payload: bytes, version: str, counter: int | None) -> bytes:
        """One more boot image."""
        return sign_image(payload, self.boot_key, self.directory, version, counter)

    @contextmanager
    def board(
        self, flash: Path, *faults: str, entries: Sequence[tuple[int, bytes]] = (), secondary: bytes = b""
    ) -> Iterator[Board]:
        """Switch a board with the old image on, and off at the end; a flash file that exists is kept."""
        if not flash.exists():
            page = provisioning_page([(BOOT_KEY, spki(self.boot_key)), *entries])
            blank = bytearray(b"\xff" * FLASH_SIZE)
            for offset, data in ((0, self.old), (SLOT_SIZE, secondary), (PROVISIONING, page)):
                blank[offset : offset + len(data)] = data
            flash.write_bytes(blank)
        process = subprocess.Popen([str(self.program), str(flash), *faults], stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            yield Board(process.stdout.readline().strip(), flash, process)
            assert process.poll() is None, "the board has died"
        finally:
            process.kill()
            process.communicate()


def open_raw(path: str) -> int:
    """Open one side of a serial line for bytes as they are."""
    line = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(line, termios.TCSANOW)
    return line


@dataclass
class Line:
    """A client that sends what it is told to, right or wrong, and takes answers apart.

    Attributes:
        port: The path of the serial line.
        text: What came that is no frame.
    """

    port: str
    text: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self._line = open_raw(self.port)
        self._sequence = itertools.count(1)
        self._buffer = bytearray()

    def close(self) -> None:
        os.close(self._line)

    def send(self, data: bytes) -> None:
        os.write(self._line, data)

    def read_line(self, timeout_s: float) -> bytes | None:
        """The next line, or nothing."""
        until = time.monotonic() + timeout_s
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._line], [], [], max(0, until - time.monotonic()))
            if not ready:
                return None
            self._buffer += os.read(self._line, 4096)
        line, _, rest = self._buffer.partition(b"\n")
        self._buffer = bytearray(rest)
        return bytes(line + b"\n")

    def receive(self, timeout_s: float = 30) -> bytes | None:
        """The next SMP message, or nothing; other lines become `text`."""
        decoder = packet.decode()
        next(decoder)
        while (line := self.read_line(timeout_s)) is not None:
            if line[:2] not in {packet.START_DELIMITER, packet.CONTINUE_DELIMITER}:
                self.text += line
                continue
            try:
                decoder.send(line)
            except StopIteration as end:
                return bytes(end.value)
        return None

    def wait_for(self, text: bytes, timeout_s: float = 60) -> bytes:
        """All text up to the line that holds `text`."""
        until = time.monotonic() + timeout_s
        while text not in self.text:
            line = self.read_line(until - time.monotonic())
            assert line is not None, f"no {text!r} in {bytes(self.text)!r}"
            self.text += line
        seen = bytes(self.text)
        self.text.clear()
        return seen

    def message(self, operation: int, group: int, command: int, body: bytes, version: int = 1) -> bytes:
        """An SMP message around any body."""
        sequence = next(self._sequence) & 0xFF
        return struct.pack(">BBHHBB", version << 3 | operation, 0, len(body), group, sequence, command) + body

    def ask_raw(self, message: bytes, timeout_s: float = 30) -> bytes | None:
        """Send a message; the body of the answer, whose header must fit."""
        for part in packet.encode(message):
            self.send(part)
        answer = self.receive(timeout_s)
        if answer is None:
            return None
        assert answer[0] == message[0] | 1
        assert answer[1:4] == struct.pack(">BH", 0, len(answer) - 8)
        assert answer[4:8] == message[4:8]
        return answer[8:]

    def ask(self, operation: int, group: int, command: int, version: int = 1, **fields: Any) -> dict[str, Any]:
        """Send a request that is well-formed; the answer."""
        body = self.ask_raw(self.message(operation, group, command, cbor2.dumps(fields), version))
        assert body is not None, "no answer"
        answer: dict[str, Any] = cbor2.loads(body)
        return answer

    def read(self, group: int, command: int, **fields: Any) -> dict[str, Any]:
        return self.ask(0, group, command, **fields)

    def write(self, group: int, command: int, **fields: Any) -> dict[str, Any]:
        return self.ask(2, group, command, **fields)

    def write_unheard(self, group: int, command: int, **fields: Any) -> None:
        """Send a request and wait for no answer."""
        for part in packet.encode(self.message(2, group, command, cbor2.dumps(fields))):
            self.send(part)

    def upload(self, image: bytes, size: int = 700) -> dict[str, Any]:
        """The whole image in parts; the last answer, or the first that is an error."""
        first = {"len": len(image), "sha": hashlib.sha256(image).digest()}
        answer: dict[str, Any] = {"off": 0}
        while "off" in answer and "match" not in answer:
            offset = answer["off"]
            fields = {"off": offset, "data": image[offset : offset + size], **({} if offset else first)}
            answer = self.write(1, 1, **fields)
        return answer

    def enter_recovery(self) -> None:
        """Ask until the loader answers."""
        for _ in range(30):
            if self.ask_raw(self.message(2, 0, 0, cbor2.dumps({"d": ""})), 2) is not None:
                return
        raise AssertionError("no answer")

    def reset(self) -> bytes:
        """Reset, and wait until something has been started or refused; what was said."""
        self.text.clear()
        assert self.write(0, 5) == {}
        self.wait_for(b"iotsign boot")
        line = self.read_line(60)
        assert line is not None
        return line.strip()


class NoisyLine:
    """A serial line that now and then drops, flips, doubles or delays a byte, in both directions, by a seed."""

    def __init__(self, port: str, seed: int, rate: float) -> None:
        self._random = random.Random(seed)
        self.disturbed = 0
        self._rate = rate
        self._far = open_raw(port)
        self._near, client = os.openpty()
        tty.setraw(client, termios.TCSANOW)
        self._client = client
        self.port = os.ttyname(client)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)

    def _disturb(self, data: bytes) -> Iterator[bytes]:
        for byte in data:
            what = self._random.random() / self._rate
            self.disturbed += what < 1
            if what >= 1:
                yield bytes([byte])
            elif what < 0.25:
                yield b""
            elif what < 0.5:
                yield bytes([byte ^ 1 << self._random.randrange(8)])
            elif what < 0.75:
                yield bytes([byte, byte])
            else:
                time.sleep(self._random.random() / 50)
                yield bytes([byte])

    def _carry(self) -> None:
        other = {self._near: self._far, self._far: self._near}
        while not self._ended.is_set():
            for line in select.select([self._near, self._far], [], [], 0.1)[0]:
                os.write(other[line], b"".join(self._disturb(os.read(line, 4096))))

    def __enter__(self) -> "NoisyLine":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        for line in (self._near, self._far, self._client):
            os.close(line)
