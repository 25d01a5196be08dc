"""FreeRTOS images with a descriptor: verified, signed again, and every byte that counts."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from iotsign.algorithms import HashAlgorithm, signature_algorithm
from iotsign.errors import (
    ConfigError,
    FormatError,
    ImageTooLargeError,
    IotsignError,
    KeyMismatchError,
    MalformedImageError,
    SignatureMismatchError,
    UnsupportedAlgorithmError,
    UnsupportedFormatError,
)
from iotsign.formats.container_registry import container_named, recognise_container
from iotsign.formats.judge import judge_by_openssl
from iotsign.formats.ti import ImageDescriptor, ImageFlags
from iotsign.keys import Signer, open_signer

DESCRIBED = container_named("freertos-descriptor")
APPLICATION = bytes(range(256)) * 2 + b"end"
DESCRIPTOR = ImageDescriptor(ImageFlags.NEW, 7, 0x27000, 0x27000 + len(APPLICATION), 0x27000, 0, b"")
# what the boot loader changes or reads unsigned, by docs/formats/ti.md: flags, sequence, execution address, hardware id
STATE = [*range(7, 12), *range(20, 28)]
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def adjacent(application: bytes = APPLICATION) -> bytes:
    return DESCRIPTOR.to_bytes() + application


def in_a_slot() -> bytes:
    return (DESCRIPTOR.to_bytes().ljust(4096, b"\xff") + APPLICATION).ljust(8192, b"\xff")


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Signer]:
    directory = tmp_path_factory.mktemp("keys")
    keys: dict[str, Key] = {
        "p256": ec.generate_private_key(ec.SECP256R1()),
        "other": ec.generate_private_key(ec.SECP256R1()),
        "rsa2048": rsa.generate_private_key(65537, 2048),
        "rsa3072": rsa.generate_private_key(65537, 3072),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
    }
    return {name: write(key, directory / f"{name}.pem") for name, key in keys.items()}


def write(key: Key, path: Path) -> Signer:
    path.touch(0o600)
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))
    return open_signer(f"pem:{path}")


def sign(image: bytes, signer: Signer) -> bytes:
    output = io.BytesIO()
    packed = DESCRIBED.sign(io.BytesIO(image), output, [signer], {"hash": "SHA256"})
    assert packed.size == len(output.getvalue()) == len(image)
    assert packed.payload_size == len(APPLICATION)
    assert packed.signatures[0].signer == signer.public_key
    return output.getvalue()


def judge(image: bytes, signer: Signer) -> None:
    opened = DESCRIBED.open(io.BytesIO(image), {})
    opened.check_integrity()
    (found,) = opened.find_signers([signer.public_key], judge_by_openssl)
    assert found.signer == signer.public_key


@pytest.mark.parametrize("layout", [adjacent, in_a_slot])
@pytest.mark.parametrize("name", ["p256", "rsa2048"])
def test_it_is_signed_recognised_and_verified(
    name: str, layout: Callable[[], bytes], signers: dict[str, Signer]
) -> None:
    signed = sign(layout(), signers[name])
    assert recognise_container(signed[:512]) is DESCRIBED
    opened = DESCRIBED.open(io.BytesIO(signed), {})
    assert opened.summary == f"FreeRTOS image 7, NEW, {len(APPLICATION)} bytes"
    assert opened.payload_size == len(APPLICATION)
    assert opened.check_floor() is None
    opened.check_platform({})
    judge(signed, signers[name])
    about = DESCRIBED.inspect(io.BytesIO(signed))
    assert (about["state"], about["sequence"], about["start"], about["size"]) == ("NEW", 7, 0x27000, len(APPLICATION))
    output = io.BytesIO()
    assert DESCRIBED.extract(io.BytesIO(signed), output, {}) == len(APPLICATION)
    assert output.getvalue() == APPLICATION
    again = io.BytesIO()
    DESCRIBED.resign(io.BytesIO(signed), again, [signers["other"]], {})
    judge(again.getvalue(), signers["other"])


def test_the_offline_ceremony_refuses_a_wrong_signature(signers: dict[str, Signer]) -> None:
    digest, output = io.BytesIO(), io.BytesIO()
    key = signers["p256"].public_key
    assert DESCRIBED.write_message(io.BytesIO(adjacent()), digest, key, {}) is HashAlgorithm.SHA256
    assert DESCRIBED.write_message(io.BytesIO(adjacent()), io.BytesIO(), None, {}) is HashAlgorithm.SHA256
    algorithm = signature_algorithm("SHA256withECDSA")
    signature = signers["p256"].sign_digest(digest.getvalue(), algorithm)
    DESCRIBED.attach(io.BytesIO(adjacent()), output, key, signature, {})
    judge(output.getvalue(), signers["p256"])
    wrong = signers["other"].sign_digest(digest.getvalue(), algorithm)
    with pytest.raises(SignatureMismatchError):
        DESCRIBED.attach(io.BytesIO(adjacent()), io.BytesIO(), key, wrong, {})


def test_every_flipped_byte(signers: dict[str, Signer]) -> None:
    # threat 17
    for image in (sign(adjacent(), signers["p256"]), sign(in_a_slot(), signers["p256"])):
        alive = []
        for offset in range(len(image)):
            changed = bytearray(image)
            changed[offset] ^= 1
            try:
                judge(bytes(changed), signers["p256"])
            except IotsignError:
                continue
            alive.append(offset)
        assert set(alive) <= set(STATE)
        assert set(STATE) - {7} <= set(alive)


def test_the_signer_must_be_one_of_the_given(signers: dict[str, Signer]) -> None:
    # threat 20
    with pytest.raises(SignatureMismatchError, match="no signature"):
        judge(adjacent(), signers["p256"])
    signed = sign(adjacent(), signers["p256"])
    with pytest.raises(SignatureMismatchError, match="none of the given keys"):
        judge(signed, signers["other"])
    with pytest.raises(KeyMismatchError, match="ed25519"):
        judge(signed, signers["ed25519"])
    with pytest.raises(ConfigError, match="carry its keys"):
        DESCRIBED.open(io.BytesIO(signed), {}).find_digests([bytes(32)], judge_by_openssl)


def test_what_it_does_not_do(signers: dict[str, Signer]) -> None:
    with pytest.raises(UnsupportedAlgorithmError, match="ed25519"):
        sign(adjacent(), signers["ed25519"])
    with pytest.raises(UnsupportedFormatError, match="256 bytes"):
        sign(adjacent(), signers["rsa3072"])
    with pytest.raises(ConfigError, match="one signature"):
        DESCRIBED.sign(io.BytesIO(adjacent()), io.BytesIO(), [], {})
    with pytest.raises(ConfigError, match="align"):
        DESCRIBED.open(io.BytesIO(adjacent()), {"align": 4})
    with pytest.raises(ConfigError, match="SHA384"):
        DESCRIBED.write_message(io.BytesIO(adjacent()), io.BytesIO(), None, {"hash": HashAlgorithm.SHA384})
    assert DESCRIBED.defaults({}) == {}


@pytest.mark.parametrize(
    ("image", "error", "words"),
    [
        (adjacent()[:-1], MalformedImageError, "the file ends at"),
        (adjacent(), None, ""),
        (replace(DESCRIPTOR, end=DESCRIPTOR.start).to_bytes() + b"x", MalformedImageError, "not 0"),
        # threat 15: sizes that no file has
        (replace(DESCRIPTOR, start=0, end=0xFFFFFFFF).to_bytes() + APPLICATION, MalformedImageError, "4294967295"),
        (in_a_slot()[:-1] + b"\0", MalformedImageError, "erased flash"),
        (in_a_slot().replace(b"\xff" * 64, b"\xff" * 63 + b"\0", 1), MalformedImageError, "erased flash"),
        (adjacent() + bytes((16 << 20) + 1), ImageTooLargeError, "at most"),
    ],
)
def test_descriptors_that_do_not_fit_their_file(image: bytes, error: type[FormatError] | None, words: str) -> None:
    if error is None:
        DESCRIBED.open(io.BytesIO(image), {})
        return
    with pytest.raises(error, match=words):
        DESCRIBED.open(io.BytesIO(image), {})


def test_a_magic_alone_is_no_image() -> None:
    assert recognise_container(b"@AFRTOS" + bytes(300)) is None
    assert recognise_container(b"@AFRTOS") is None
