import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from hypothesis import given, settings
from hypothesis import strategies as st

from iotsign.errors import (
    DigestMismatchError,
    IotsignError,
    KeyMismatchError,
    MalformedImageError,
    SignatureMismatchError,
)
from iotsign.formats import ti
from iotsign.keys import Signer, open_signer

STATUS_BYTES = {16, 17}  # the device writes them


def build(size: int = 400, image_id: bytes = b"CC13x2R1") -> bytearray:
    """An image as TI's linker leaves it: security segment present, signature and CRC erased."""
    core = struct.pack("<8sIBBHBBBBIII4sIHH", image_id, 0xFFFFFFFF, 3, 1, 0xFFFE, 255, 255, 7, 0, 0xFFFFFFFF, size,
                       0x101, b"0001", 0x5FFFF, 44, 0xFFFF)  # fmt: skip
    security = struct.pack("<BHBIBI8s64s", 3, 0xFFFE, 255, 85, 1, 0x60000000, b"\xff" * 8, b"\xff" * 64)
    payload = struct.pack("<BHBII", 1, 0xFFFE, 255, size - 129, 0) + bytes(i * 11 & 0xFF for i in range(size - 141))
    return bytearray(core + security + payload)


def write_key(key: ec.EllipticCurvePrivateKey, path: Path) -> Signer:
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.touch(0o600)
    path.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    return open_signer(f"pem:{path}")


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return write_key(ec.generate_private_key(ec.SECP256R1()), tmp_path_factory.mktemp("keys") / "key.pem")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return write_key(ec.generate_private_key(ec.SECP256R1()), tmp_path_factory.mktemp("keys") / "other.pem")


def test_a_signed_image_verifies_and_is_reproducible(signer: Signer) -> None:
    signed = ti.sign_oad(bytes(build()), signer)
    assert signed == ti.sign_oad(bytes(build()), signer)
    image = ti.verify_oad(signed, signer.public_key)
    assert image.is_signed
    assert (image.image_id, image.length, image.software_version) == ("CC13x2R1", len(signed), b"0001")
    assert image.signer == ti.signer_info(signer.public_key)
    assert image.timestamp == 0x60000000
    assert ti.read_oad(ti.sign_oad(bytes(build()), signer, timestamp=1_700_000_000)).timestamp == 1_700_000_000


@given(payload=st.binary(max_size=2000), image_id=st.sampled_from([b"CC13x2R1", b"CC26x2R1"]))
@settings(max_examples=50)
def test_whatever_the_payload_it_verifies_and_nothing_else_has_changed(
    payload: bytes, image_id: bytes, signer: Signer
) -> None:
    image = bytes(build(141 + len(payload), image_id)[:141]) + payload
    signed = ti.sign_oad(image, signer)
    assert ti.verify_oad(signed, signer.public_key).image_id == image_id.decode()
    assert (signed[:8], signed[12:57], signed[129:]) == (image[:8], image[12:57], image[129:])
    attached = ti.attach_oad(image, ti.read_oad(signed).signature, signer.public_key)
    assert attached == signed


def test_openssl_verifies_the_signature_from_the_raw_file(signer: Signer, tmp_path: Path) -> None:
    signed = ti.sign_oad(bytes(build()), signer)
    signature = ti.read_oad(signed).signature
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    (tmp_path / "signature").write_bytes(utils.encode_dss_signature(r, s))
    (tmp_path / "covered").write_bytes(signed[12:16] + signed[18:65] + signed[129:])
    (tmp_path / "public.pem").write_bytes(signer.public_key.to_pem())
    command = ["openssl", "dgst", "-sha256", "-verify", "public.pem", "-signature", "signature", "covered"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert said.stdout.strip() == "Verified OK"


def test_the_crc_is_zlibs_from_offset_12(signer: Signer) -> None:
    signed = ti.sign_oad(bytes(build()), signer)
    assert int.from_bytes(signed[8:12], "little") == zlib.crc32(signed[12:])


def test_every_flipped_byte_changes_the_verdict_but_the_devices_own(signer: Signer) -> None:
    # threat 17: two status bytes are written by the device after installation
    signed = bytearray(ti.sign_oad(bytes(build()), signer))
    for offset in range(len(signed)):
        for mask in (0x01, 0x20, 0x80, 0xFF):
            signed[offset] ^= mask
            if offset in STATUS_BYTES:
                ti.verify_oad(bytes(signed), signer.public_key)
            else:
                with pytest.raises(IotsignError):
                    ti.verify_oad(bytes(signed), signer.public_key)
            signed[offset] ^= mask


def test_mending_the_crc_does_not_help(signer: Signer) -> None:
    signed = bytearray(ti.sign_oad(bytes(build()), signer))
    signed[200] ^= 1
    with pytest.raises(DigestMismatchError, match="CRC-32"):
        ti.verify_oad(bytes(signed), signer.public_key)
    signed[8:12] = zlib.crc32(signed[12:]).to_bytes(4, "little")
    with pytest.raises(SignatureMismatchError):
        ti.verify_oad(bytes(signed), signer.public_key)
    assert ti.verify_oad(bytes(signed), None).is_signed


def test_another_key_is_named(signer: Signer, other: Signer) -> None:
    signed = ti.sign_oad(bytes(build()), signer)
    with pytest.raises(KeyMismatchError, match=ti.signer_info(signer.public_key).hex()):
        ti.verify_oad(signed, other.public_key)


def test_an_unsigned_image_is_not_trusted(signer: Signer) -> None:
    # threat 20
    image = build()
    image[8:12] = zlib.crc32(image[12:]).to_bytes(4, "little")
    assert not ti.verify_oad(bytes(image), None).is_signed
    with pytest.raises(SignatureMismatchError, match="holds no signature"):
        ti.verify_oad(bytes(image), signer.public_key)


def test_the_offline_ceremony(signer: Signer, other: Signer) -> None:
    from iotsign.algorithms import signature_algorithm

    raw = signature_algorithm("SHA256withECDSAinP1363Format")
    image = bytes(build())
    digest = ti.oad_digest(image, signer.public_key)
    attached = ti.attach_oad(image, signer.sign_digest(digest, raw), signer.public_key)
    assert attached == ti.sign_oad(image, signer)
    with pytest.raises(SignatureMismatchError):
        ti.attach_oad(image, other.sign_digest(digest, raw), signer.public_key)


def test_only_p256_signs(tmp_path: Path) -> None:
    p384 = write_key(ec.generate_private_key(ec.SECP384R1()), tmp_path / "p384.pem")
    with pytest.raises(KeyMismatchError, match="P-256"):
        ti.sign_oad(bytes(build()), p384)


def damage(image: bytearray, offset: int, value: bytes) -> bytes:
    image[offset : offset + len(value)] = value
    return bytes(image)


@pytest.mark.parametrize(
    ("image", "match"),
    [
        (b"", "129 bytes of OAD header at offset 0"),
        (bytes(build())[:128], "129 bytes of OAD header at offset 0"),
        (bytes(build(image_id=b"OAD IMG ")), "expected image id"),
        (bytes(build())[:-1], "header says 400 bytes"),
        (damage(build(), 24, b"\xff\xff\xff\xff"), "header says 4294967295 bytes"),  # threat 15
        (damage(build(), 44, b"\x01"), "SECURITY"),
        (damage(build(), 48, b"\x54"), "84 bytes"),
    ],
)
def test_headers_that_lie_are_refused(image: bytes, match: str) -> None:
    with pytest.raises(MalformedImageError, match=match):
        ti.read_oad(image)
