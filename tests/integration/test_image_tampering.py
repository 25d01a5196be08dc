"""Every byte of a small signed image flipped (threat 17).

The verdict changes for every flip of a JSONEmbedded object. In a JSONDetached object the place of the payload is not
signed; `docs/formats/aws-json.md` says so, and its list is the one checked here.
"""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from iotsign.algorithms import KeyType
from iotsign.app import SigningOptions, Trust, VerifyOptions, sign_image, verify_image
from iotsign.errors import FormatError, IotsignError, UntrustedImageError
from iotsign.formats.jsonimage import S3Location
from iotsign.keys import open_signer
from iotsign.platforms import Registry

KeyFiles = Callable[[KeyType], tuple[Path, Path]]
PAYLOAD = b"firmware\x00\xff"
MASKS = (0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF)
CASES = [
    ("AmazonFreeRTOS-Default", KeyType.P256, "JSONEmbedded"),
    ("AmazonFreeRTOS-TI-CC3220SF", KeyType.RSA2048, "JSONEmbedded"),
    ("MCUboot-ECDSA-P384", KeyType.P384, "JSONEmbedded"),
    ("MCUboot-Ed25519", KeyType.ED25519, "JSONEmbedded"),
    ("AWSIoTDeviceManagement-SHA256-ECDSA", KeyType.P256, "JSONDetached"),
]


def not_signed(signed: bytes) -> set[int]:
    """List the offsets of what stands in the object without being signed: the values that name the payload's place."""
    offsets: set[int] = set()
    for value in (b'"my-bucket"', b'"dir/app.bin"', b'"version-1"'):
        start = signed.find(value)
        if start >= 0:
            offsets |= set(range(start + 1, start + len(value) - 1))
    return offsets


@pytest.mark.parametrize(("platform_id", "key_type", "image_format"), CASES)
@pytest.mark.parametrize("verifier", ["openssl", "core"])
def test_every_flip_changes_the_verdict(
    key_files: KeyFiles, platform_id: str, key_type: KeyType, image_format: str, verifier: str
) -> None:
    private, public = key_files(key_type)
    detached = image_format == "JSONDetached"
    location = S3Location("my-bucket", "dir/app.bin", "version-1") if detached else None
    out = io.BytesIO()
    options = SigningOptions(Registry().get(platform_id), image_format=image_format, location=location)
    sign_image(io.BytesIO(PAYLOAD), out, options, open_signer(f"pem:{private}"))
    signed = out.getvalue()
    trusting = VerifyOptions(Trust.from_key(public), verifier=verifier)

    def is_trusted(data: bytes) -> bool:
        payload = io.BytesIO(PAYLOAD) if detached else None
        try:
            verify_image(io.BytesIO(data), trusting, payload=payload)
        except (UntrustedImageError, FormatError):
            return False
        return True

    assert is_trusted(signed)
    survived = {
        offset
        for offset in range(len(signed))
        for mask in MASKS
        if is_trusted(signed[:offset] + bytes([signed[offset] ^ mask]) + signed[offset + 1 :])
    }
    assert survived == not_signed(signed)


def test_every_byte_of_the_payload_flipped(key_files: KeyFiles, tmp_path: Path) -> None:
    """The same for the payload beside a JSONDetached object."""
    private, public = key_files(KeyType.P256)
    out = tmp_path / "job.json"
    options = SigningOptions(Registry().get("AWSIoTDeviceManagement-SHA256-ECDSA"))
    sign_image(io.BytesIO(PAYLOAD), out, options, open_signer(f"pem:{private}"))
    trusting = VerifyOptions(Trust.from_key(public))
    for offset in range(len(PAYLOAD)):
        for mask in MASKS:
            payload = PAYLOAD[:offset] + bytes([PAYLOAD[offset] ^ mask]) + PAYLOAD[offset + 1 :]
            with pytest.raises(UntrustedImageError):
                verify_image(out, trusting, payload=io.BytesIO(payload))


@pytest.mark.parametrize("change", ["cut", "grown", "doubled"])
def test_every_length_changes_the_verdict(key_files: KeyFiles, change: str) -> None:
    private, public = key_files(KeyType.P256)
    out = io.BytesIO()
    sign_image(
        io.BytesIO(PAYLOAD),
        out,
        SigningOptions(Registry().get("AmazonFreeRTOS-Default")),
        open_signer(f"pem:{private}"),
    )
    signed = out.getvalue()
    trusting = VerifyOptions(Trust.from_key(public))
    changed = {
        "cut": [signed[:length] for length in range(len(signed))],
        "grown": [signed + bytes([byte]) for byte in range(256)],
        "doubled": [signed + signed, signed[:-1] + b"," + signed[1:]],
    }[change]
    for data in changed:
        with pytest.raises(IotsignError):
            verify_image(io.BytesIO(data), trusting)


def test_white_space_and_order_are_not_signed(key_files: KeyFiles) -> None:
    """What JSON itself leaves open is accepted, because it changes neither payload nor signature."""
    private, public = key_files(KeyType.P256)
    out = io.BytesIO()
    sign_image(
        io.BytesIO(PAYLOAD),
        out,
        SigningOptions(Registry().get("AmazonFreeRTOS-Default")),
        open_signer(f"pem:{private}"),
    )
    members = json.loads(out.getvalue())
    for data in (json.dumps(members, indent=2), json.dumps(dict(reversed(members.items())))):
        assert verify_image(io.BytesIO(data.encode()), VerifyOptions(Trust.from_key(public))).signer
