"""Every platform signs for real, with each key type that it takes, and what it makes is verified by another room."""

import struct
from pathlib import Path
from typing import Any

import pytest

from iotsign import core
from iotsign.algorithms import HashAlgorithm, KeyType
from iotsign.app import Trust, VerifyOptions, verify_image
from iotsign.platforms import Platform, Registry, SigningMaterial

CASES = [
    (platform, key_type)
    for platform in Registry().list()
    if platform.certificate.signing_material is not SigningMaterial.SERVICE
    for key_type in platform.key_types
]


def espressif_app(chip: int) -> bytes:
    """An application with a correct checksum and appended hash."""
    data = struct.pack("<II8s32s32s", 0xABCD5432, 3, b"", b"1.2.3", b"sample").ljust(260, b"\x5a")
    head = struct.pack("<BBBBIB3sHBHH4sB", 0xE9, 1, 0, 0, 0x40380000, 0, b"", chip, 0, 0, 399, b"", 1)
    image = head + struct.pack("<II", 0x3C000020, len(data)) + data
    checksum = 0xEF
    for byte in data:
        checksum ^= byte
    image += bytes(15 - len(image) % 16) + bytes([checksum])
    return image + core.digest(HashAlgorithm.SHA256, image)


def oad_image(image_id: str) -> bytes:
    """An image with room for its signature."""
    sizes = (300, 0x101, b"0001", 0x5FFFF, 44, 0xFFFF)
    head = struct.pack("<8sIBBHBBBBIII4sIHH", image_id.encode(), 0, 3, 1, 0xFFFE, 255, 255, 7, 0, 0xFFFFFFFF, *sizes)
    return head + struct.pack("<BHBIBI8s64s", 3, 0xFFFE, 255, 85, 1, 7, b"\xff" * 8, b"\xff" * 64) + bytes(300 - 129)


def firmware(platform: Platform) -> bytes:
    if platform.native_container == "espressif-secure-boot-v2":
        return espressif_app(int(platform.native_options["chipId"]))
    if platform.native_container == "ti-cc13x2-oad":
        return oad_image(str(platform.native_options["imageId"]))
    return b"firmware" * 100


@pytest.mark.parametrize(
    ("platform", "key_type"), [pytest.param(*case, id=f"{case[0].platform_id}-{case[1].value}") for case in CASES]
)
@pytest.mark.parametrize("as_json", [False, True], ids=["default", "json"])
def test_what_a_job_makes_is_trusted(
    world: Any, key_files: Any, tmp_path: Path, platform: Platform, key_type: KeyType, as_json: bool
) -> None:
    overrides: dict[str, Any] = {"signingImageFormat": platform.image_formats[-1]} if as_json else {}
    if platform.category == "AWS" and key_type.encryption is not platform.default_encryption:
        overrides["signingConfiguration"] = {"encryptionAlgorithm": key_type.encryption.value}
    parameters = {"pad-header": "true"} if platform.native_container == "mcuboot" and not as_json else {}
    world.profile(platform.platform_id, key=key_type, overrides=overrides, signingParameters=parameters)
    payload = tmp_path / "payload"
    payload.write_bytes(b"firmware" * 100 if as_json else firmware(platform))
    job = world.sign(world.firmware(payload.read_bytes()))
    assert job["status"] == "Succeeded", job["statusReason"]
    assert world.audit.events[-1].event == "SigningSucceeded"
    signed = tmp_path / "signed"
    signed.write_bytes(world.signed(job))
    detached = b'"payloadLocation"' in signed.read_bytes()
    trust = Trust.from_key(key_files(key_type)[1])
    verified = verify_image(signed, VerifyOptions(trust, platform=platform), payload=payload if detached else None)
    assert verified.signer is not None
