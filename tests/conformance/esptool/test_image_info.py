"""What we read from an image is what esptool made and what esptool reads."""

import hashlib
import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from iotsign.cli import run
from iotsign.formats import espressif
from iotsign.formats.judge import judge_by_openssl
from iotsign.keys import open_signer


def test_we_read_what_esptool_wrote(app_image: Path, elf: Path, run_esptool: Callable[..., str]) -> None:
    with app_image.open("rb") as file:
        image = espressif.read_image(file)
        espressif.OnePass(file, image, image.size).read()
    said = run_esptool("image-info", app_image)
    assert image.chip is espressif.ChipId.ESP32_C3
    assert f"Entry point: {image.entry:#010x}" in said
    assert f"Segments: {len(image.segments)}" in said
    loads = re.findall(r"^\s+\d+\s+(0x[0-9a-f]+)\s+(0x[0-9a-f]+)\s+(0x[0-9a-f]+)", said, re.MULTILINE)
    assert [(s.length, s.address, s.offset - 8) for s in image.segments] == [
        (int(length, 16), int(address, 16), int(offset, 16)) for length, address, offset in loads
    ]
    assert f"Checksum: 0x{image.checksum:02x} (valid)" in said
    assert image.sha256 is not None
    assert f"{image.sha256.hex()} (valid)" in said
    assert image.app is not None
    assert f"App version: {image.app.version}" in said
    assert f"Project name: {image.app.project}" in said
    assert f"Secure version: {image.app.secure_version}" in said
    assert image.app.elf_sha256 == hashlib.sha256(elf.read_bytes()).digest()


def test_inspect_says_what_image_info_says(
    app_image: Path, run_esptool: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    said = run_esptool("image-info", app_image)
    assert run(["image", "inspect", str(app_image), "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert f"Detected image type: {about['chip'].upper()}" in said
    assert f"Chip ID: {about['chipId']}" in said
    assert f"Entry point: {about['entry']:#010x}" in said
    loads = re.findall(r"^\s+\d+\s+(0x[0-9a-f]+)\s+(0x[0-9a-f]+)\s+(0x[0-9a-f]+)", said, re.MULTILINE)
    assert [(s["length"], s["address"], s["offset"] - 8) for s in about["segments"]] == [
        (int(length, 16), int(address, 16), int(offset, 16)) for length, address, offset in loads
    ]
    assert f"Checksum: 0x{about['checksum']:02x} (valid)" in said
    assert f"{about['sha256']} (valid)" in said
    application = about["application"]
    for words in (
        f"Project name: {application['project']}",
        f"App version: {application['version']}",
        f"Secure version: {application['secureVersion']}",
        f"ELF file SHA256: {application['elfSha256']}",
        f"ESP-IDF: {application['idfVersion']}",
    ):
        assert words in said


def test_secure_padded_output_signs_and_verifies(app_image: Path, tmp_path: Path) -> None:
    key, signed = str(tmp_path / "key.pem"), tmp_path / "signed.bin"
    espsecure = [sys.executable, "-m", "espsecure"]
    subprocess.run([*espsecure, "generate-signing-key", "--version", "2", "--scheme", "rsa3072", key], check=True)
    command = [*espsecure, "sign-data", "--version", "2", "--keyfile", key, "--output", str(signed), str(app_image)]
    subprocess.run(command, check=True)
    with signed.open("rb") as file:
        length, _ = espressif.read_sector(file)
        assert length == app_image.stat().st_size
        assert espressif.verify_image(file)
        assert espressif.read_image(file).chip is espressif.ChipId.ESP32_C3


def test_espsecure_and_esptool_accept_what_we_make_of_it(
    app_image: Path, tmp_path: Path, run_esptool: Callable[..., str]
) -> None:
    key, signed = tmp_path / "key.pem", tmp_path / "signed.bin"
    assert run(["key", "generate", "-t", "rsa3072", "-o", str(key)]) == 0
    sign = ["image", "sign", str(app_image), "-p", "Espressif-ESP32-C3", "-k", f"pem:{key}", "-o", str(signed)]
    assert run(sign) == 0
    command = [sys.executable, "-m", "espsecure", "verify-signature", "--version", "2", "--keyfile", str(key)]
    said = subprocess.run([*command, str(signed)], capture_output=True, text=True, check=True).stdout
    assert "Signature block 0 verification successful" in said
    assert "(valid)" in run_esptool("image-info", signed)
    assert signed.stat().st_size == app_image.stat().st_size + espressif.SECTOR_SIZE


@pytest.mark.parametrize("size", [1, 4097, 1 << 20])
def test_images_of_any_size(size: int, tmp_path: Path, run_esptool: Callable[..., str]) -> None:
    key, image, signed = tmp_path / "key.pem", tmp_path / "app.bin", tmp_path / "signed.bin"
    assert run(["key", "generate", "-t", "rsa3072", "-o", str(key)]) == 0
    write_image(image, size)
    assert run(["image", "sign", str(image), "-p", "Espressif-ESP32-C3", "-k", f"pem:{key}", "-o", str(signed)]) == 0
    command = [sys.executable, "-m", "espsecure", "verify-signature", "--version", "2", "--keyfile", str(key)]
    said = subprocess.run([*command, str(signed)], capture_output=True, text=True, check=True).stdout
    assert "Signature block 0 verification successful" in said


def test_a_sparse_512_mib_image(tmp_path: Path) -> None:
    # threat 15: more than the flash of any chip, in constant memory
    if os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize < 2 << 30:
        pytest.skip("needs 2 GiB of disk")
    key, image, signed = tmp_path / "key.pem", tmp_path / "app.bin", tmp_path / "signed.bin"
    assert run(["key", "generate", "-t", "rsa3072", "-o", str(key)]) == 0
    write_image(image, 512 << 20)
    signer = open_signer(f"pem:{key}")
    with image.open("rb") as source, signed.open("w+b") as output:
        espressif.CONTAINER.sign(source, output, [signer], {})
        opened = espressif.CONTAINER.open(output, {})
        opened.check_integrity()
        assert opened.find_signers([signer.public_key], judge_by_openssl)


def write_image(path: Path, size: int) -> None:
    """An ESP32-C3 image of one segment of zeros, without an appended hash."""
    head = struct.pack("<BBBBIB3sHBHH4sB", 0xE9, 1, 0, 0, 0, 0, b"", 5, 0, 0, 99, b"", 0)
    head += struct.pack("<II", 0x3C000020, size)
    end = len(head) + size
    with path.open("wb") as file:
        file.write(head)
        file.seek(end)
        file.write(bytes(15 - end % 16) + b"\xef")
