"""Programs on the host that run the boot loader's code on simulated flash, one of them behind a pseudo-terminal.

Lies on the import path of the tests.
"""

import hashlib
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

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
    judge = ["sha256", "sha256_class", "sha256_compress", "sha256_constants", "der", "spki", "ecdsa_der", "p256"]
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


def sign_image(payload: bytes, key: ec.EllipticCurvePrivateKey, directory: Path, version: str, counter: int) -> bytes:
    """Have imgtool make a boot image."""
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (directory / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    (directory / "payload.bin").write_bytes(payload)
    sign = [sys.executable, "-m", "imgtool.main", "sign", "--key", "key.pem", "--header-size", "32", "--pad-header"]
    sizes = ["--slot-size", str(SLOT_SIZE), "--align", "8", "--version", version, "--security-counter", str(counter)]
    subprocess.run([*sign, *sizes, "payload.bin", "image.bin"], cwd=directory, check=True, capture_output=True)
    return (directory / "image.bin").read_bytes()


@dataclass(frozen=True)
class Board:
    """A running board.

    Attributes:
        port: The path of its serial line.
        flash: The file that is its flash.
        pid: Its process.
    """

    port: str
    flash: Path
    pid: int

    def slot(self, number: int, length: int = SLOT_SIZE) -> bytes:
        """The first bytes of a slot."""
        return self.flash.read_bytes()[number * SLOT_SIZE :][:length]


def flash_image(primary: bytes, page: bytes, secondary: bytes = b"") -> bytes:
    """A flash with an image in the primary slot, maybe one in the secondary, and a provisioning page."""
    flash = bytearray(b"\xff" * FLASH_SIZE)
    for offset, data in ((0, primary), (SLOT_SIZE, secondary), (PROVISIONING, page)):
        flash[offset : offset + len(data)] = data
    return bytes(flash)


@contextmanager
def run_board(program: Path, flash: Path, *faults: str) -> Iterator[Board]:
    """Switch a board on, and off at the end."""
    process = subprocess.Popen([str(program), str(flash), *faults], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Board(process.stdout.readline().strip(), flash, process.pid)
    finally:
        process.kill()
        process.communicate()
