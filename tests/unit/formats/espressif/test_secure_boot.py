import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from iotsign import core
from iotsign.algorithms import HashAlgorithm, signature_algorithm
from iotsign.errors import (
    IotsignError,
    KeyMismatchError,
    MalformedImageError,
    SignatureMismatchError,
    UnsupportedFormatError,
)
from iotsign.formats import espressif
from iotsign.keys import Signer, open_signer

MakeSigner = Callable[[PrivateKeyTypes], Signer]


@pytest.fixture(scope="module")
def make_signer(tmp_path_factory: pytest.TempPathFactory) -> MakeSigner:
    directory = tmp_path_factory.mktemp("keys")

    def make(key: PrivateKeyTypes) -> Signer:
        path = directory / f"{len(list(directory.iterdir()))}.pem"
        encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        path.touch(0o600)
        path.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
        return open_signer(f"pem:{path}")

    return make


@pytest.fixture(scope="module")
def rsa_signer(make_signer: MakeSigner) -> Signer:
    return make_signer(rsa.generate_private_key(65537, 3072))


@pytest.fixture(scope="module")
def p256_signer(make_signer: MakeSigner) -> Signer:
    return make_signer(ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture(scope="module")
def p384_signer(make_signer: MakeSigner) -> Signer:
    return make_signer(ec.generate_private_key(ec.SECP384R1()))


@pytest.fixture
def signed(tmp_path: Path, p256_signer: Signer) -> Iterator[BinaryIO]:
    with (tmp_path / "signed.bin").open("w+b") as file:
        file.write(bytes(range(64)).ljust(espressif.SECTOR_SIZE, b"\xff"))
        file.flush()
        digest = espressif.image_digest(file, espressif.SECTOR_SIZE, espressif.BlockKind.P256)
        espressif.write_sector(file, [espressif.sign_digest(digest, p256_signer)])
        file.flush()
        yield file


def recrc(block: bytearray) -> bytes:
    block[1196:1200] = zlib.crc32(block[:1196]).to_bytes(4, "little")
    return bytes(block)


def test_every_flipped_byte_changes_the_verdict(signed: BinaryIO, p256_signer: Signer) -> None:
    # threat 17: no byte of the image or of its sector is free
    trusted = [espressif.key_digest(p256_signer.public_key)]
    assert espressif.verify_image(signed, trusted)
    size = 2 * espressif.SECTOR_SIZE
    for offset in [*range(80), *range(espressif.SECTOR_SIZE - 4, espressif.SECTOR_SIZE + 1300), size - 1]:
        signed.seek(offset)
        (old,) = signed.read(1)
        signed.seek(offset)
        signed.write(bytes([old ^ 0x10]))
        signed.flush()
        with pytest.raises(IotsignError):
            espressif.verify_image(signed, trusted)
        signed.seek(offset)
        signed.write(bytes([old]))
        signed.flush()
    assert espressif.verify_image(signed, trusted)


def test_the_signature_is_checked_even_when_the_crc_is_mended(signed: BinaryIO, p256_signer: Signer) -> None:
    signed.seek(espressif.SECTOR_SIZE)
    block = bytearray(signed.read(espressif.BLOCK_SIZE))
    block[101] ^= 1
    signed.seek(espressif.SECTOR_SIZE)
    signed.write(recrc(block))
    signed.flush()
    with pytest.raises(SignatureMismatchError):
        espressif.verify_image(signed, [espressif.key_digest(p256_signer.public_key)])
    with pytest.raises(SignatureMismatchError):
        espressif.verify_image(signed)


@pytest.mark.parametrize(
    ("offset", "value", "match"),
    [
        (0, 0xE6, "magic 0xe7"),
        (1, 4, "version 2 .* or 3"),
        (2, 2, "hash id 0"),
        (36, 9, "curve id 9"),
        (36, 3, "curve id 3"),
        (36, 1, "unused bytes"),
        (40, 0, "no point of the curve"),
        (200, 1, "unused bytes"),
    ],
)
def test_a_block_that_contradicts_itself_is_refused(offset: int, value: int, match: str, p256_signer: Signer) -> None:
    block = bytearray(espressif.sign_digest(bytes(32), p256_signer).raw)
    block[offset] = value if block[offset] != value else value ^ 1
    with pytest.raises(MalformedImageError, match=match):
        espressif.read_block(recrc(block))


@pytest.mark.parametrize(
    ("start", "value", "match"),
    [
        (36, 0, "odd RSA modulus"),
        (419, 0, "odd RSA modulus of 3072 bits"),
        (424, 0, "precomputed RSA values"),
        (808, 0, "precomputed RSA values"),
    ],
)
def test_rsa_values_must_belong_together(start: int, value: int, match: str, rsa_signer: Signer) -> None:
    block = bytearray(espressif.sign_digest(bytes(32), rsa_signer).raw)
    block[start] = value if block[start] != value else 1
    with pytest.raises(MalformedImageError, match=match):
        espressif.read_block(recrc(block))


def test_an_exponent_of_one_is_refused(rsa_signer: Signer) -> None:
    block = bytearray(espressif.sign_digest(bytes(32), rsa_signer).raw)
    block[420:424] = (1).to_bytes(4, "little")
    with pytest.raises(IotsignError, match="exponent"):
        espressif.read_block(recrc(block))


def test_unsigned_and_odd_files_are_told_apart(tmp_path: Path) -> None:
    # threat 20: a file without a signature is never a file with a good one
    for content, error in [
        (b"", UnsupportedFormatError),
        (b"\xff" * 4096, UnsupportedFormatError),
        (b"\xff" * 8192, UnsupportedFormatError),
        (b"\xff" * 8191, UnsupportedFormatError),
    ]:
        path = tmp_path / "file.bin"
        path.write_bytes(content)
        with path.open("rb") as file, pytest.raises(error):
            espressif.verify_image(file)


def test_the_rest_of_the_sector_must_be_erased(signed: BinaryIO) -> None:
    signed.seek(-1, 2)
    signed.write(b"\0")
    signed.flush()
    with pytest.raises(MalformedImageError, match="expected 0xff"):
        espressif.read_sector(signed)


def test_a_sector_has_one_kind_of_key_and_no_key_twice(
    tmp_path: Path, rsa_signer: Signer, p256_signer: Signer, make_signer: MakeSigner
) -> None:
    blocks = [espressif.sign_digest(bytes(32), signer) for signer in (rsa_signer, p256_signer)]
    with (tmp_path / "sector.bin").open("wb") as file:
        with pytest.raises(KeyMismatchError, match="one type"):
            espressif.write_sector(file, blocks)
        with pytest.raises(KeyMismatchError, match="already signed"):
            espressif.write_sector(file, blocks[:1] * 2)
        with pytest.raises(UnsupportedFormatError, match="at most 3"):
            espressif.write_sector(file, blocks * 2)


def test_other_keys_do_not_make_blocks(make_signer: MakeSigner) -> None:
    signer = make_signer(ed25519.Ed25519PrivateKey.generate())
    with pytest.raises(KeyMismatchError, match="rsa3072, p256, p384"):
        espressif.sign_digest(bytes(32), signer)


def test_p384_blocks_carry_sha384(p384_signer: Signer) -> None:
    block = espressif.sign_digest(bytes(range(48)), p384_signer)
    assert (block.kind.hash, block.digest) == (HashAlgorithm.SHA384, bytes(range(48)))
    assert espressif.read_block(block.raw) == block


def test_copying_pads_with_erased_flash(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"x" * 5000)
    with source.open("rb") as a, target.open("w+b") as b:
        assert espressif.copy_padded(a, b, 5000) == 8192
        with pytest.raises(MalformedImageError, match="ended 1 bytes early"):
            espressif.copy_padded(a, b, 5001)
    assert target.read_bytes()[:8192] == b"x" * 5000 + b"\xff" * 3192


@pytest.mark.parametrize(("fill", "kind"), [(b"", "secure-boot-v1"), (b"\xff" * 12, "freertos-ota")])
def test_version_one_tails_are_verified(fill: bytes, kind: str, p256_signer: Signer, tmp_path: Path) -> None:
    body = bytes(range(200))
    digest = core.digest(HashAlgorithm.SHA256, body)
    signature = p256_signer.sign_digest(digest, signature_algorithm("SHA256withECDSAinP1363Format"))
    path = tmp_path / "v1.bin"
    path.write_bytes(body + bytes(4) + signature + fill)
    with path.open("rb") as file:
        assert espressif.verify_v1(file, len(body), p256_signer.public_key) == kind
        with pytest.raises(UnsupportedFormatError, match="no Secure Boot v1"):
            espressif.verify_v1(file, len(body) - 1, p256_signer.public_key)
    path.write_bytes(b"\1" + body[1:] + bytes(4) + signature + fill)
    with path.open("rb") as file, pytest.raises(SignatureMismatchError):
        espressif.verify_v1(file, len(body), p256_signer.public_key)


def test_version_one_needs_p256(rsa_signer: Signer, tmp_path: Path) -> None:
    path = tmp_path / "v1.bin"
    path.write_bytes(b"body" + bytes(68))
    with path.open("rb") as file, pytest.raises(KeyMismatchError, match="P-256"):
        espressif.verify_v1(file, 4, rsa_signer.public_key)
