import io
import struct
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
    ConfigError,
    KeyMismatchError,
    MalformedImageError,
    RollbackError,
    SignatureMismatchError,
    UnsupportedFormatError,
)
from iotsign.formats import espressif
from iotsign.formats.container_registry import container_named, recognise_container
from iotsign.formats.judge import judge_by_openssl
from iotsign.keys import Signer, open_signer

ESPRESSIF = container_named("espressif-secure-boot-v2")
RAW = signature_algorithm("SHA256withECDSAinP1363Format")


def app(secure_version: int = 3, *, described: bool = True) -> bytes:
    """An ESP32-C3 application with a correct checksum and appended hash."""
    magic = 0xABCD5432 if described else 0
    data = struct.pack("<II8s32s32s", magic, secure_version, b"", b"1.2.3", b"sample").ljust(260, b"\x5a")
    head = struct.pack("<BBBBIB3sHBHH4sB", 0xE9, 1, 0, 0, 0x40380000, 0, b"", 5, 0, 0, 99, b"", 1)
    image = head + struct.pack("<II", 0x3C000020, len(data)) + data
    checksum = 0xEF
    for byte in data:
        checksum ^= byte
    image += bytes(15 - len(image) % 16) + bytes([checksum])
    return image + core.digest(HashAlgorithm.SHA256, image)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[bytes], BinaryIO]]:
    files: list[BinaryIO] = []

    def make(data: bytes = b"") -> BinaryIO:
        path = tmp_path / f"{len(files)}.bin"
        path.write_bytes(data)
        files.append(path.open("r+b"))
        return files[-1]

    yield make
    for file in files:
        file.close()


Opened = Callable[..., BinaryIO]


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signer]:
    directory = tmp_path_factory.mktemp("keys")

    def write(name: str, key: PrivateKeyTypes) -> Signer:
        path = directory / name
        path.touch(0o600)
        encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        path.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
        return open_signer(f"pem:{path}")

    return {
        "rsa3072": write("rsa", rsa.generate_private_key(65537, 3072)),
        "p256": write("p256", ec.generate_private_key(ec.SECP256R1())),
        "other": write("other", ec.generate_private_key(ec.SECP256R1())),
        "p384": write("p384", ec.generate_private_key(ec.SECP384R1())),
        "ed25519": write("ed25519", ed25519.Ed25519PrivateKey.generate()),
    }


@pytest.mark.parametrize("name", ["rsa3072", "p256", "p384"])
def test_it_is_signed_recognised_and_verified(name: str, signers: dict[str, Signer], opened: Opened) -> None:
    signer, output = signers[name], opened()
    packed = ESPRESSIF.sign(opened(app()), output, [signer], {})
    assert (packed.payload_size, packed.size) == (4096, 8192)
    output.seek(0)
    assert recognise_container(output.read(64)) is ESPRESSIF
    image = ESPRESSIF.open(output, {})
    assert image.summary == f"ESP32-C3 image sample 1.2.3, {len(app())} bytes"
    image.check_platform({"chipId": 5})
    with pytest.raises(KeyMismatchError, match="chip id 9"):
        image.check_platform({"chipId": 9})
    assert "block 0" in image.check_integrity()
    (found,) = image.find_signers([signers["other"].public_key, signer.public_key], judge_by_openssl)
    assert found.signer == signer.public_key
    described = ESPRESSIF.inspect(output)
    assert described["application"]["secureVersion"] == 3
    assert described["signatures"][0]["keyDigest"] == espressif.key_digest(signer.public_key)
    with pytest.raises(UnsupportedFormatError, match="already carries"):
        ESPRESSIF.sign(output, opened(), [signer], {})
    taken = opened()
    assert ESPRESSIF.extract(output, taken, {}) == len(app())
    taken.seek(0)
    assert taken.read() == app()


def test_signatures_are_added_and_replaced(signers: dict[str, Signer], opened: Opened) -> None:
    first, second, third = opened(), opened(), opened()
    p256, other = signers["p256"], signers["other"]
    ESPRESSIF.sign(opened(app()), first, [p256], {})
    ESPRESSIF.resign(first, second, [other], {"append": True})
    assert len(ESPRESSIF.open(second, {}).find_signers([p256.public_key], judge_by_openssl)) == 2
    ESPRESSIF.resign(second, third, [other], {})
    with pytest.raises(KeyMismatchError, match="none of the given keys"):
        ESPRESSIF.open(third, {}).find_signers([p256.public_key, signers["ed25519"].public_key], judge_by_openssl)


@pytest.mark.parametrize("name", ["rsa3072", "p256", "p384"])
def test_the_offline_ceremony(name: str, signers: dict[str, Signer], opened: Opened) -> None:
    signer, digest, output = signers[name], opened(), opened()
    key = signer.public_key
    hash_ = ESPRESSIF.write_message(opened(app()), digest, key, {})
    digest.seek(0)
    if name == "rsa3072":
        signature = signer.sign_digest(digest.read(), signature_algorithm("SHA256withRSAandMGF1"))
    else:
        signature = signer.sign_digest(digest.read(), signature_algorithm(f"{hash_.value}withECDSA" if hash_ else ""))
    ESPRESSIF.attach(opened(app()), output, key, signature, {})
    assert ESPRESSIF.open(output, {}).find_signers([key], judge_by_openssl)[0].signer == key
    with pytest.raises(SignatureMismatchError):
        ESPRESSIF.attach(opened(app(4)), opened(), key, signature, {})


def test_the_digest_of_a_signed_image_is_the_same(signers: dict[str, Signer], opened: Opened) -> None:
    signed, before, after = opened(), io.BytesIO(), io.BytesIO()
    ESPRESSIF.sign(opened(app()), signed, [signers["p256"]], {})
    ESPRESSIF.write_message(opened(app()), before, None, {})
    ESPRESSIF.write_message(signed, after, None, {})
    assert before.getvalue() == after.getvalue()


def test_rollback_is_refused_by_secure_version(signers: dict[str, Signer], opened: Opened) -> None:
    # threat 21
    signer = [signers["p256"]]
    ESPRESSIF.sign(opened(app(3)), opened(), signer, {"minimum_security_counter": 3})
    with pytest.raises(RollbackError, match="secure_version is 3, at least 4"):
        ESPRESSIF.sign(opened(app(3)), opened(), signer, {"minimum_security_counter": 4})
    with pytest.raises(RollbackError, match="at least 5"):
        ESPRESSIF.sign(opened(app(4)), opened(), signer, {"release": opened(app(5))})
    with pytest.raises(RollbackError, match="no application description"):
        ESPRESSIF.sign(opened(app(9, described=False)), opened(), signer, {"minimum_security_counter": 0})
    assert ESPRESSIF.open(opened(app(3)), {"minimum_security_counter": 2}).check_floor() == "secure_version 3"
    assert ESPRESSIF.open(opened(app(3)), {}).check_floor() is None
    ESPRESSIF.sign(opened(app(3)), opened(), signer, {"release": opened(app(1, described=False))})


def test_an_unsigned_image_is_not_trusted(signers: dict[str, Signer], opened: Opened) -> None:
    # threat 20
    with pytest.raises(SignatureMismatchError, match="no signature"):
        ESPRESSIF.open(opened(app()), {}).find_signers([signers["p256"].public_key], judge_by_openssl)


def test_a_version_one_signature_is_verified(signers: dict[str, Signer], opened: Opened) -> None:
    signer = signers["p256"]
    signature = signer.sign_digest(core.digest(HashAlgorithm.SHA256, app()), RAW)
    image = ESPRESSIF.open(opened(app() + bytes(4) + signature), {})
    keys = [signers["other"].public_key, signer.public_key]
    assert image.find_signers(keys, judge_by_openssl)[0].kind == "secure-boot-v1"
    with pytest.raises(SignatureMismatchError, match="none of the given keys"):
        image.find_signers(keys[:1], judge_by_openssl)
    with pytest.raises(KeyMismatchError, match="P-256"):
        image.find_signers([signers["rsa3072"].public_key], judge_by_openssl)


def test_what_it_does_not_know_is_refused(signers: dict[str, Signer], opened: Opened) -> None:
    p256 = [signers["p256"]]
    with pytest.raises(ConfigError, match="got slot_size"):
        ESPRESSIF.sign(opened(app()), opened(), p256, {"slot_size": 1})
    with pytest.raises(ConfigError, match="not with SHA384"):
        ESPRESSIF.sign(opened(app()), opened(), p256, {"hash": "SHA384"})
    with pytest.raises(KeyMismatchError, match="the key is ed25519"):
        ESPRESSIF.sign(opened(app()), opened(), [signers["ed25519"]], {})
    with pytest.raises(MalformedImageError, match="DER or 64 bytes"):
        ESPRESSIF.attach(opened(app()), opened(), p256[0].public_key, b"none", {})
    with pytest.raises(MalformedImageError, match="magic"):
        ESPRESSIF.sign(opened(b"not an image".ljust(99)), opened(), p256, {})
