"""Images that imgtool has made, judged by the core in C."""

import contextlib
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from core_images import BUILDS, Core, missing_tool
from cryptography.hazmat.primitives import serialization

FIRMWARE = bytes(range(256)) * 9 + b"end"
CASES = [
    ("rsa-2048", []),
    ("rsa-3072", []),
    ("ecdsa-p256", []),
    ("ecdsa-p384", []),
    ("ed25519", []),
    ("ed25519", ["--sha", "512"]),
    ("ed25519", ["--pure"]),
]
Sign = Callable[..., tuple[bytes, bytes]]


@pytest.fixture(scope="module", params=BUILDS)
def core(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Core:
    if tool := missing_tool(request.param):
        pytest.skip(f"{tool} is not installed")
    base = tmp_path_factory.getbasetemp()
    return Core(request.param, base if worker_id == "master" else base.parent)


@pytest.fixture(scope="module")
def sign(tmp_path_factory: pytest.TempPathFactory) -> Sign:
    """Make an image with a key of a type; gives the image and the key's SubjectPublicKeyInfo."""
    from imgtool.main import imgtool

    directory = tmp_path_factory.mktemp("imgtool")
    source = directory / "app.bin"
    source.write_bytes(FIRMWARE)

    def run(*arguments: object) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            imgtool.main([str(argument) for argument in arguments], standalone_mode=False)

    def key_of(key_type: str) -> Path:
        path = directory / f"{key_type}.pem"
        if not path.exists():
            run("keygen", "-t", key_type, "-k", path)
        return path

    def sign(key_type: str, *options: str) -> tuple[bytes, bytes]:
        key, target = key_of(key_type), directory / "signed.bin"
        common = ("-v", "1.2.3+4", "--align", "4", "-H", "0x200", "-S", "0x8000", "--pad-header")
        run("sign", "-k", key, *common, *options, source, target)
        private = serialization.load_pem_private_key(key.read_bytes(), None)
        public = private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return target.read_bytes(), public

    return sign


@pytest.mark.parametrize("key_format", ["hash", "full"])
@pytest.mark.parametrize(("key_type", "options"), CASES)
def test_images(core: Core, sign: Sign, key_type: str, options: list[str], key_format: str) -> None:
    image, public = sign(
        key_type, *options, "--public-key-format", key_format, "-s", "41", "-d", "(3, 2.1.0+5)", "-L", "0x20000400"
    )
    _, other = sign("ed25519" if key_type != "ed25519" else "ecdsa-p256")
    answer = core.verify(image, [other, public], accepted_flags=0x20)
    assert answer.verdict == "OK"
    assert (answer.version, answer.header_size, answer.payload_size) == ((1, 2, 3, 4), 0x200, len(FIRMWARE))
    assert (answer.flags, answer.load_address) == (0x20, 0x20000400)
    assert answer.security_counter == 41
    assert answer.dependencies == [(3, 2, 1, 0, 5)]
    assert core.verify(image, [other], accepted_flags=0x20).verdict == "UNTRUSTED"
    assert core.verify(image, [public], accepted_flags=0x20, hardened=True).verdict == "OK"
    changed = bytearray(image)
    changed[0x200 + len(FIRMWARE) - 1] ^= 1
    assert core.verify(bytes(changed), [public], accepted_flags=0x20).verdict == "DIGEST"


@pytest.mark.parametrize("options", [[], ["--pad"], ["--pad", "--confirm"], ["--boot-record", "sw"], ["-s", "auto"]])
def test_slots(core: Core, sign: Sign, options: list[str]) -> None:
    image, public = sign("ecdsa-p256", *options)
    answer = core.verify(image, [public])
    assert answer.verdict == "OK"
    assert answer.security_counter == ((1 << 24) + (2 << 16) + 3 if "auto" in options else None)


# threat 20
def test_unsigned(core: Core, sign: Sign, tmp_path: Path) -> None:
    from imgtool.main import imgtool

    _, public = sign("ecdsa-p256")
    source, target = tmp_path / "app.bin", tmp_path / "unsigned.bin"
    source.write_bytes(FIRMWARE)
    arguments = ("sign", "-v", "1.0.0", "--align", "4", "-H", "0x200", "-S", "0x8000", "--pad-header", source, target)
    with contextlib.redirect_stdout(io.StringIO()):
        imgtool.main([str(argument) for argument in arguments], standalone_mode=False)
    assert core.verify(target.read_bytes(), [public]).verdict == "UNSIGNED"


def test_encrypted_images_need_a_reader_that_decrypts(core: Core, sign: Sign) -> None:
    image, public = sign("ecdsa-p256")
    encrypted = bytearray(image)
    encrypted[16] |= 0x04
    assert core.verify(bytes(encrypted), [public]).verdict == "UNSUPPORTED"
    assert core.verify(bytes(encrypted), [public], accepted_flags=0x04).verdict == "DIGEST"
