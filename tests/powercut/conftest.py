"""The power-cut simulator, its images and its provisioning page."""

import hashlib
import random
import struct
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path(__file__).parents[2]
BOOTLOADER = ROOT / "boards" / "bootloader"
CORE = ROOT / "iotsign" / "core"
BOOT_KEY_ENTRY = 1


def provisioning_page(boot_key_spki: bytes) -> bytes:
    """A page with one boot key (provisioning.h)."""
    entry = struct.pack("<HH", BOOT_KEY_ENTRY, len(boot_key_spki)) + boot_key_spki
    page = struct.pack("<4sHH", b"ISP1", len(entry), 0) + entry
    return page + hashlib.sha256(page).digest()


@pytest.fixture(scope="session")
def powercut(tmp_path_factory: pytest.TempPathFactory) -> Sequence[str]:
    """The simulator's command with its three input files; images are signed by imgtool."""
    directory = tmp_path_factory.mktemp("powercut")
    key = ec.generate_private_key(ec.SECP256R1())
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (directory / "key.pem").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    der, spki = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    (directory / "page.bin").write_bytes(provisioning_page(key.public_key().public_bytes(der, spki)))
    source = random.Random(0)
    for name, size, version, counter in (("old", 40_000, "1.0.0", "1"), ("new", 60_000, "1.1.0", "2")):
        (directory / f"{name}.bin").write_bytes(source.randbytes(size))
        sign = [sys.executable, "-m", "imgtool.main", "sign", "--key", "key.pem", "--header-size", "32", "--pad-header"]
        options = ["--slot-size", str(208 * 1024), "--align", "8", "--version", version, "--security-counter", counter]
        subprocess.run([*sign, *options, f"{name}.bin", f"{name}.img"], cwd=directory, check=True, capture_output=True)
    program = directory / "powercut"
    flags = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror"]
    includes = [f"-I{path}" for path in (BOOTLOADER / "include", BOOTLOADER / "src", CORE / "include", CORE / "src")]
    boot = sorted(map(str, (BOOTLOADER / "src").glob("*.c")))
    judge = ["sha256", "sha256_class", "sha256_compress", "sha256_constants", "der", "spki", "ecdsa_der", "p256"]
    image = ["p256_judge", "hardened", "mcuboot", "mcuboot_hardened", "region", "region_memory"]
    core = [CORE / "src" / f"{name}.c" for name in (*judge, *image)]
    sources = [str(Path(__file__).with_name("powercut.c")), *boot, *map(str, core)]
    subprocess.run(["gcc", *flags, *includes, "-o", str(program), *sources], check=True)
    return [str(program), *(str(directory / name) for name in ("old.img", "new.img", "page.bin"))]
