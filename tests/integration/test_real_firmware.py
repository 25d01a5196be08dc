"""Firmware that others published, signed, verified and taken out again with the real command."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from intelhex import IntelHex

from iotsign.algorithms import KeyType

Iotsign = Callable[..., subprocess.CompletedProcess[bytes]]
KeyFiles = Callable[[KeyType], tuple[Path, Path]]

CASES = [
    (KeyType.P256, "AmazonFreeRTOS-Default"),
    (KeyType.RSA2048, "MCUboot-RSA-2048"),
    (KeyType.ED25519, "MCUboot-Ed25519"),
]


def from_zero(path: Path) -> bytes:
    """Read the program at address 0 with another reader: up to the first hole of more than 64 KiB."""
    image = IntelHex(str(path))
    end = 0
    for start, stop in image.segments():
        if start - end > 64 << 10:
            break
        end = stop
    return bytes(image.tobinarray(start=0, end=end - 1))


def sign_and_take_out(
    iotsign: Iotsign, key_files: KeyFiles, tmp_path: Path, source: Path, key_type: KeyType, platform: str
) -> bytes:
    private, public = key_files(key_type)
    options = ("-p", platform, "-f", "JSONEmbedded", "--address", "0")
    done = iotsign("image", "sign", source, *options, "-k", f"pem:{private}", "-o", "app.signed", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["inputFormat"], report["address"]) == ("hex", 0)
    extract = ("image", "extract", "app.signed", "--key", public, "-p", platform, "--strict", "--verifier", "both")
    done = iotsign(*extract, "-o", "out.bin")
    assert done.returncode == 0, done.stderr
    return (tmp_path / "out.bin").read_bytes()


@pytest.mark.parametrize(("key_type", "platform"), CASES)
def test_micropython(
    iotsign: Iotsign, key_files: KeyFiles, tmp_path: Path, microbit_hex: Path, key_type: KeyType, platform: str
) -> None:
    payload = sign_and_take_out(iotsign, key_files, tmp_path, microbit_hex, key_type, platform)
    assert payload == from_zero(microbit_hex)


def test_zephyr(iotsign: Iotsign, key_files: KeyFiles, tmp_path: Path, nrf_hex: Path) -> None:
    payload = sign_and_take_out(iotsign, key_files, tmp_path, nrf_hex, KeyType.P256, "AmazonFreeRTOS-Default")
    assert payload == from_zero(nrf_hex)


def test_stored_object_is_signed_as_it_is(iotsign: Iotsign, key_files: KeyFiles, microbit_hex: Path) -> None:
    private, public = key_files(KeyType.P256)
    platform = ("-p", "AWSIoTDeviceManagement-SHA256-ECDSA")
    sign = ("image", "sign", microbit_hex, *platform, "-k", f"pem:{private}", "-o", "job.json", "--s3", "bucket/fw@v1")
    assert iotsign(*sign).returncode == 0
    verify = ("image", "verify", "job.json", "--payload", microbit_hex, "--key", public, *platform)
    assert iotsign(*verify).returncode == 0
