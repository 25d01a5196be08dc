"""Every byte of a signed image flipped; docs/formats/espressif.md says that none is free."""

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotsign import core
from iotsign.algorithms import HashAlgorithm, KeyType, signature_algorithm
from iotsign.errors import IotsignError
from iotsign.formats.container_registry import container_named
from iotsign.formats.espressif import SECTOR_SIZE
from iotsign.formats.judge import judge_by_openssl
from iotsign.keys import Signer, generate_key, open_signer

ESPRESSIF = container_named("espressif-secure-boot-v2")
RAW = signature_algorithm("SHA256withECDSAinP1363Format")
KeyFiles = Callable[[KeyType], tuple[Path, Path]]


def app(*segments: bytes, hash_appended: bool = True) -> bytes:
    """An ESP32-C6 application."""
    image = struct.pack("<BBBBIB3sHBHH4sB", 0xE9, len(segments), 0, 0, 0, 0, b"", 13, 0, 0, 99, b"", hash_appended)
    for number, data in enumerate(segments):
        image += struct.pack("<II", 0x42000020 + (number << 16), len(data)) + data
    image += bytes(15 - len(image) % 16) + bytes([0xEF ^ core.xor_bytes(b"".join(segments))])
    return image + core.digest(HashAlgorithm.SHA256, image) if hash_appended else image


DESCRIBED = struct.pack("<II8s32s32s", 0xABCD5432, 3, b"", b"1.2.3", b"sample").ljust(257, b"\x5a")


@pytest.fixture
def signer_of(key_files: KeyFiles) -> Callable[[KeyType], Signer]:
    return lambda key_type: open_signer(f"pem:{key_files(key_type)[0]}")


SignerOf = Callable[[KeyType], Signer]


def signed(path: Path, signer: Signer, tail: str) -> None:
    """Sign with Secure Boot v2, or with what the tail of older boot loaders is."""
    firmware = app(DESCRIBED, b"\x12\x34\x56")
    if tail:
        signature = signer.sign_digest(core.digest(HashAlgorithm.SHA256, firmware), RAW)
        path.write_bytes(firmware + bytes(4) + signature + (b"\xff" * 12 if tail == "freertos" else b""))
        return
    plain = path.with_suffix(".plain")
    plain.write_bytes(firmware)
    with plain.open("rb") as source, path.open("w+b") as output:
        ESPRESSIF.sign(source, output, [signer], {})


def judge(file: BinaryIO, signer: Signer) -> None:
    opened = ESPRESSIF.open(file, {})
    opened.check_integrity()
    opened.find_signers([signer.public_key], judge_by_openssl)


@pytest.mark.parametrize(
    ("key_type", "tail", "start"),
    [
        (KeyType.RSA3072, "", 0),
        (KeyType.P256, "", SECTOR_SIZE),
        (KeyType.P384, "", SECTOR_SIZE),
        (KeyType.P256, "v1", 0),
        (KeyType.P256, "freertos", 0),
    ],
)
def test_every_flipped_byte_changes_the_verdict(
    key_type: KeyType, tail: str, start: int, signer_of: SignerOf, tmp_path: Path
) -> None:
    # threat 17
    signer, path = signer_of(key_type), tmp_path / "signed.bin"
    signed(path, signer, tail)
    lived = []
    with path.open("r+b", buffering=0) as file:
        judge(file, signer)
        for offset, byte in enumerate(path.read_bytes()[start:], start):
            file.seek(offset)
            file.write(bytes([byte ^ 1 << offset % 8]))
            try:
                judge(file, signer)
            except IotsignError:
                pass
            else:
                lived.append(offset)
            file.seek(offset)
            file.write(bytes([byte]))
        judge(file, signer)
    assert lived == []


SEGMENTS = st.lists(st.binary(max_size=600), min_size=1, max_size=16)


@given(segments=SEGMENTS, hash_appended=st.booleans(), key_type=st.sampled_from([KeyType.P256, KeyType.P384]))
@settings(max_examples=60)
def test_whatever_the_segments_it_comes_back(
    segments: list[bytes], hash_appended: bool, key_type: KeyType, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / f"espressif-{key_type.value}.pem"
    if not path.exists():
        path.touch(0o600)
        path.write_bytes(generate_key(key_type))
    signer = open_signer(f"pem:{path}")
    firmware, output, taken = app(*segments, hash_appended=hash_appended), io.BytesIO(), io.BytesIO()
    packed = ESPRESSIF.sign(io.BytesIO(firmware), output, [signer], {})
    assert packed.size == len(output.getvalue()) == packed.payload_size + 4096
    judge(output, signer)
    about = ESPRESSIF.inspect(output)
    assert [segment["length"] for segment in about["segments"]] == [len(data) for data in segments]
    assert ESPRESSIF.extract(output, taken, {}) == len(firmware)
    assert taken.getvalue() == firmware
