"""espsecure and iotsign accept each other's Secure Boot v2 images."""

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from iotsign.cli import run
from iotsign.errors import DigestMismatchError, KeyMismatchError, SignatureMismatchError
from iotsign.formats import espressif
from iotsign.keys import PublicKey, open_signer

SCHEMES = ["rsa3072", "ecdsa256", "ecdsa384"]


def espsecure(*arguments: str | Path) -> str:
    command = [sys.executable, "-m", "espsecure", *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Three keys of each scheme, made by espsecure."""
    directory = tmp_path_factory.mktemp("keys")
    made: dict[str, list[Path]] = {}
    for scheme in [*SCHEMES, "ecdsa192"]:
        for number in range(3):
            key = directory / f"{scheme}-{number}.pem"
            espsecure("generate-signing-key", "--version", "2", "--scheme", scheme, key)
            key.chmod(0o600)
            made.setdefault(scheme, []).append(key)
    return made


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.bin"
    path.write_bytes(bytes(range(256)) * 40 + b"end")
    return path


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """An ESP32-C3 application without an appended hash."""
    data = bytes(range(256)) * 2
    head = struct.pack("<BBBBIB3sHBHH4sB", 0xE9, 1, 0, 0, 0, 0, b"", 5, 0, 0, 99, b"", 0)
    image = head + struct.pack("<II", 0x3C000020, len(data)) + data
    path = tmp_path / "app.bin"
    path.write_bytes(image + bytes(15 - len(image) % 16) + b"\xef")
    return path


def sign(image: Path, output: Path, keys: list[Path]) -> Path:
    with image.open("rb") as source, output.open("w+b") as target:
        length = espressif.copy_padded(source, target, image.stat().st_size)
        blocks = []
        for key in keys:
            signer = open_signer(f"pem:{key}")
            kind = espressif.block_kind(signer.public_key)
            blocks.append(espressif.sign_digest(espressif.image_digest(target, length, kind), signer))
        target.seek(length)
        espressif.write_sector(target, blocks)
    return output


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_espsecure_accepts_our_signatures(
    scheme: str, count: int, keys: dict[str, list[Path]], image: Path, tmp_path: Path
) -> None:
    chosen = keys[scheme][:count]
    signed = sign(image, tmp_path / "signed.bin", chosen)
    for number, key in enumerate(chosen):
        said = espsecure("verify-signature", "--version", "2", "--keyfile", key, signed)
        assert f"Signature block {number} verification successful" in said
    said = espsecure("signature-info-v2", signed)
    with signed.open("rb") as file:
        for block in espressif.verify_image(file):
            assert block.key_digest.hex(" ") in said


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_we_accept_espsecures_signatures(
    scheme: str, count: int, keys: dict[str, list[Path]], image: Path, tmp_path: Path
) -> None:
    signed = tmp_path / "signed.bin"
    named = [part for key in keys[scheme][:count] for part in ("--keyfile", key)]
    espsecure("sign-data", "--version", "2", *named, "--output", signed, image)
    trusted = [espressif.key_digest(load_key(key)) for key in keys[scheme][:count]]
    with signed.open("rb") as file:
        assert [block.key_digest for block in espressif.verify_image(file, trusted)] == trusted
        with pytest.raises(KeyMismatchError, match="not trusted"):
            espressif.verify_image(file, [bytes(32)])


def load_key(private: Path) -> PublicKey:
    return open_signer(f"pem:{private}").public_key


def test_the_blocks_are_the_same_but_for_the_salt(keys: dict[str, list[Path]], image: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.bin"
    espsecure("sign-data", "--version", "2", "--keyfile", keys["rsa3072"][0], "--output", theirs, image)
    ours = sign(image, tmp_path / "ours.bin", keys["rsa3072"][:1]).read_bytes()
    start = len(ours) - espressif.SECTOR_SIZE
    signature = slice(start + 812, start + 1200)  # PSS salts are random; the CRC covers the signature
    a, b = bytearray(ours), bytearray(theirs.read_bytes())
    a[signature] = b[signature] = bytes(388)
    assert a == b


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_key_digest_is_espsecures(scheme: str, keys: dict[str, list[Path]], tmp_path: Path) -> None:
    output = tmp_path / "digest.bin"
    espsecure("digest-sbv2-public-key", "--keyfile", keys[scheme][0], "--output", output)
    assert output.read_bytes() == espressif.key_digest(load_key(keys[scheme][0]))


def test_p192_is_verified_though_never_signed(keys: dict[str, list[Path]], image: Path, tmp_path: Path) -> None:
    signed, digest = tmp_path / "signed.bin", tmp_path / "digest.bin"
    key = keys["ecdsa192"][0]
    espsecure("sign-data", "--version", "2", "--keyfile", key, "--output", signed, image)
    espsecure("digest-sbv2-public-key", "--keyfile", key, "--output", digest)
    with signed.open("rb") as file:
        (block,) = espressif.verify_image(file, [digest.read_bytes()])
    assert block.kind is espressif.BlockKind.P192
    tampered = bytearray(signed.read_bytes())
    tampered[0] ^= 1
    signed.write_bytes(tampered)
    with signed.open("rb") as file, pytest.raises(DigestMismatchError):
        espressif.verify_image(file, [digest.read_bytes()])


@pytest.mark.parametrize("scheme", [*SCHEMES, "ecdsa192"])
def test_the_digest_in_the_efuse_is_enough_for_a_verdict(
    scheme: str, keys: dict[str, list[Path]], app: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    signed, digest = tmp_path / "signed.bin", tmp_path / "digest.bin"
    espsecure("sign-data", "--version", "2", "--keyfile", keys[scheme][0], "--output", signed, app)
    espsecure("digest-sbv2-public-key", "--keyfile", keys[scheme][0], "--output", digest)
    verify = ["image", "verify", str(signed), "--key-digest"]
    assert run([*verify, str(digest), "--json"]) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["verdict"] == "trusted"
    assert about["container"]["signatures"][0]["keyId"] == digest.read_bytes().hex()
    weak = scheme == "ecdsa192"
    assert bool(about["warnings"]) is weak
    assert run([*verify, digest.read_bytes().hex(), "--strict"]) == (4 if weak else 0)
    other = tmp_path / "other.bin"
    espsecure("digest-sbv2-public-key", "--keyfile", keys[scheme][1], "--output", other)
    assert run([*verify, str(other)]) == 1
    tampered = bytearray(signed.read_bytes())
    tampered[-4096 + 101] ^= 1  # a byte of the signature, with a CRC that fits
    tampered[-4096 + 1196 : -4096 + 1200] = zlib.crc32(tampered[-4096 : -4096 + 1196]).to_bytes(4, "little")
    signed.write_bytes(tampered)
    assert run([*verify, str(digest)]) in {1, 3}


@pytest.mark.parametrize(
    ("scheme", "platform", "chip"),
    [("rsa3072", "ESP32-C3", 5), ("ecdsa256", "ESP32-H2", 16), ("ecdsa384", "ESP32-P4", 18)],
)
def test_espsecure_accepts_what_the_command_line_signs_and_adds(
    scheme: str, platform: str, chip: int, keys: dict[str, list[Path]], app: Path, tmp_path: Path
) -> None:
    image = bytearray(app.read_bytes())
    image[12] = chip
    app.write_bytes(image)
    signed = tmp_path / "0.bin"
    key = ["-k", f"pem:{keys[scheme][0]}"]
    assert run(["image", "sign", str(app), "-p", f"Espressif-{platform}", *key, "-o", str(signed)]) == 0
    for number in (1, 2):
        old, signed = signed, tmp_path / f"{number}.bin"
        key = ["-k", f"pem:{keys[scheme][number]}"]
        assert run(["image", "resign", str(old), "--append", *key, "-o", str(signed)]) == 0
    for number, file in enumerate(keys[scheme]):
        said = espsecure("verify-signature", "--version", "2", "--keyfile", file, signed)
        assert f"Signature block {number} verification successful" in said


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_signature_of_another_image_is_refused(
    scheme: str, keys: dict[str, list[Path]], image: Path, tmp_path: Path
) -> None:
    signer = open_signer(f"pem:{keys[scheme][0]}")
    kind = espressif.block_kind(signer.public_key)
    other = bytes(kind.hash.digest_size)
    signature = espressif.sign_digest(other, signer).signature
    with pytest.raises(SignatureMismatchError):
        espressif.make_block(signer.public_key, b"\x01" * kind.hash.digest_size, signature)
