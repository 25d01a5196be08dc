"""From a firmware file to a signed object, through the real command."""

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from iotsign.algorithms import KeyType

PREBUILT = Path(__file__).parents[2] / "firmware_samples" / "prebuilt"

Command = Callable[..., subprocess.CompletedProcess[bytes]]
KeyFiles = Callable[[KeyType], tuple[Path, Path]]


@pytest.mark.parametrize("name", ["thermostat-mps2-an385", "counter-riscv32-virt"])
def test_hex_elf_and_bin_of_one_build_give_one_object(
    iotsign: Command, key_files: KeyFiles, tmp_path: Path, name: str
) -> None:
    key, _ = key_files(KeyType.P256)
    made = set()
    for suffix in ("bin", "hex", "elf"):
        source = PREBUILT / f"{name}.{suffix}"
        done = iotsign(*f"image sign {source} -p AmazonFreeRTOS-Default -k pem:{key} -o {suffix}.signed".split())
        assert done.returncode == 0, done.stderr
        made.add((tmp_path / f"{suffix}.signed").read_bytes())
    assert len(made) == 1
    payload = base64.b64decode(json.loads(made.pop())["payload"])
    assert payload == (PREBUILT / f"{name}.bin").read_bytes()


def test_detached_object_signs_the_file_as_it_is(iotsign: Command, key_files: KeyFiles, tmp_path: Path) -> None:
    key, public = key_files(KeyType.P256)
    source = PREBUILT / "counter-riscv32-virt.hex"
    platform = "AWSIoTDeviceManagement-SHA256-ECDSA"
    sign = f"image sign {source} -p {platform} -k pem:{key} --s3 bucket/key@version -o detached"
    assert iotsign(*sign.split()).returncode == 0
    assert json.loads((tmp_path / "detached").read_bytes())["rawPayloadSize"] == source.stat().st_size
    assert iotsign(*f"image verify detached --payload {source} --key {public}".split()).returncode == 0


def test_platform_and_key_of_the_configuration(iotsign: Command, key_files: KeyFiles, tmp_path: Path) -> None:
    key, public = key_files(KeyType.P256)
    (tmp_path / "iotsign.toml").write_text(f'[signing]\nplatform = "MCUboot-ECDSA-P256"\nkey = "pem:{key}"\n')
    done = iotsign(
        "image", "sign", PREBUILT / "counter-riscv32-virt.bin", "-f", "JSONEmbedded", "-o", "signed", "--json"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["platformId"] == "MCUboot-ECDSA-P256"
    assert iotsign("image", "verify", "signed", "--key", public).returncode == 0
    done = iotsign("image", "sign", PREBUILT / "counter-riscv32-virt.bin", "-p", "MCUboot-Ed25519", "-o", "other")
    assert done.returncode == 4
    assert b"takes keys of type ed25519; got p256" in done.stderr
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("name", "content", "exit_code", "problem"),
    [
        ("empty.hex", b"", 3, b"empty"),
        ("odd.hex", b":0100000041BE\n:010001004\n:00000001FF\n", 3, b"line 2: expected pairs of hexadecimal digits"),
        ("sum.hex", b":0100000041BF\n:00000001FF\n", 3, b"expected another checksum, got :0100000041BF at offset 0"),
        ("cut.hex", b":0100000041BE\n", 3, b"expected an end record"),
        ("twice.hex", b":0100000041BE\n:0100000041BE\n:00000001FF\n", 3, b"overlap at address 0x0"),
        ("wide.hex", b":0100000041BE\n:02000004FFFFFC\n:01FFFF0041C0\n:00000001FF\n", 3, b"hint: --address 0x0"),
        ("text.hex", b"no firmware at all\n", 3, b"expected Intel HEX as its name says"),
        ("code.o", (PREBUILT / "counter-riscv32-virt.elf").read_bytes()[:44] + bytes(20), 3, b"expected load segments"),
        ("cut.elf", (PREBUILT / "counter-riscv32-virt.elf").read_bytes()[:200], 3, b"beyond the end of the file, 200"),
        ("cut.uf2", b"UF2\n\x57\x51\x5d\x9e" + bytes(100), 3, b"expected a block of 512 bytes, got 108"),
    ],
)
def test_bad_files(
    iotsign: Command,
    key_files: KeyFiles,
    tmp_path: Path,
    name: str,
    content: bytes,
    exit_code: int,
    problem: bytes,
) -> None:
    (tmp_path / name).write_bytes(content)
    key, _ = key_files(KeyType.P256)
    done = iotsign(*f"image sign {name} -p AmazonFreeRTOS-Default -k pem:{key} -o out".split())
    assert done.returncode == exit_code, done.stderr
    assert done.stderr.startswith(b"error: ")
    assert problem in done.stderr
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""
    assert [file.name for file in tmp_path.iterdir()] == [name]
