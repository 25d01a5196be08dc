"""`iotsign image` with the containers of Espressif and TI, every verb, OpenSSL where the key is elsewhere."""

import io
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from damage import check_every_verb

from iotsign import core
from iotsign.algorithms import HashAlgorithm, KeyType
from iotsign.cli import run
from iotsign.formats.ti import ImageDescriptor, ImageFlags

KeyFiles = Callable[[KeyType], tuple[Path, Path]]


def espressif_app() -> bytes:
    """An ESP32-C3 application of secure version 3."""
    data = struct.pack("<II8s32s32s", 0xABCD5432, 3, b"", b"1.2.3", b"sample").ljust(260, b"\x5a")
    head = struct.pack("<BBBBIB3sHBHH4sB", 0xE9, 1, 0, 0, 0x40380000, 0, b"", 5, 0, 0, 99, b"", 1)
    image = head + struct.pack("<II", 0x3C000020, len(data)) + data
    image += bytes(15 - len(image) % 16) + bytes([0xEF ^ core.xor_bytes(data)])
    return image + core.digest(HashAlgorithm.SHA256, image)


def oad_app() -> bytes:
    """A CC13x2 image with an empty security segment."""
    header = struct.pack("<8sIBBHBBBBIII4sIHH", b"CC13x2R1", 0, 3, 1, 0xFFFE, 255, 255, 7, 0, 0xFFFFFFFF, 300, 0x101,
                         b"0001", 0x5FFFF, 44, 0xFFFF)  # fmt: skip
    return header + struct.pack("<BHBIBI8s64s", 3, 0xFFFE, 255, 85, 1, 7, b"\xff" * 8, b"\xff" * 64) + bytes(171)


def described_app() -> bytes:
    """An application behind a FreeRTOS descriptor."""
    return ImageDescriptor(ImageFlags.NEW, 1, 0x1000, 0x1100, 0x1000, 0, b"").to_bytes() + bytes(range(256))


BOARD = "board.toml"
CONTAINERS = {
    "espressif": (espressif_app, "Espressif-ESP32-C3", KeyType.RSA3072),
    "espressif-p256": (espressif_app, "Espressif-ESP32-H2", KeyType.P256),
    "oad": (oad_app, "TI-CC13x2-OAD", KeyType.P256),
    "descriptor": (described_app, BOARD, KeyType.P256),
}


class Bench:
    """A directory with the firmware of one container, and the command line in it."""

    def __init__(self, container: str, files: KeyFiles, capsys: pytest.CaptureFixture[str]) -> None:
        make, self.platform, self.key_type = CONTAINERS[container]
        data = make()
        if self.platform == "Espressif-ESP32-H2":
            data = with_chip(data, 16)
        Path("app.bin").write_bytes(data)
        Path(BOARD).write_text(
            'platformId = "board"\n[signingConfiguration.hashAlgorithmOptions]\nallowedValues = ["SHA256"]\n'
            'defaultValue = "SHA256"\n[signingConfiguration.encryptionAlgorithmOptions]\nallowedValues = ["ECDSA"]\n'
            'defaultValue = "ECDSA"\n[signingImageFormat]\nsupportedFormats = ["JSONEmbedded"]\n'
            'defaultFormat = "JSONEmbedded"\n[iotsign]\nnativeContainer = "freertos-descriptor"\n'
        )
        self._files, self._capsys = files, capsys
        self.private, self.public = (str(path) for path in files(self.key_type))
        self.other = KeyType.RSA3072 if self.key_type is KeyType.P256 else KeyType.P256

    def run(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        got = run(["image", *arguments])
        captured = self._capsys.readouterr()
        assert got == code, captured.err
        assert "Traceback" not in captured.err
        return captured.out, captured.err

    def output(self) -> tuple[str, str]:
        """What was printed since the last look."""
        captured = self._capsys.readouterr()
        assert "Traceback" not in captured.err
        return captured.out, captured.err

    def json(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        out, err = self.run(*arguments, "--json", code=code)
        value: dict[str, Any] = json.loads(out or err)
        return value

    def sign(self, out: str = "app.img") -> None:
        self.run("sign", "app.bin", "-p", self.platform, "-k", f"pem:{self.private}", "-o", out)

    def other_public(self) -> str:
        return str(self._files(self.other)[1])


def with_chip(image: bytes, chip: int) -> bytes:
    changed = bytearray(image[:-32])
    changed[12] = chip
    return bytes(changed) + core.digest(HashAlgorithm.SHA256, bytes(changed))


@pytest.fixture(params=CONTAINERS)
def bench(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    key_files: KeyFiles,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Bench:
    monkeypatch.chdir(tmp_path)
    return Bench(request.param, key_files, capsys)


def test_signed_and_verified(bench: Bench) -> None:
    bench.sign()
    about = bench.json("verify", "app.img", "--key", bench.public, "-p", bench.platform)
    assert about["verdict"] == "trusted"
    assert [step["number"] for step in about["steps"]] == [1, 2, 3, 4, 5, 6]
    assert about["container"]["signatures"][0]["key"]["keyType"] == bench.key_type.value
    bench.run("verify", "app.img", "--key", bench.other_public(), code=1)
    # threat 20
    bench.run("verify", "app.img", code=1)
    bench.run("extract", "app.img", "--key", bench.public, "-o", "out.bin")
    assert Path("out.bin").stat().st_size


def test_inspected_as_a_table_and_as_json(bench: Bench) -> None:
    bench.sign()
    about = bench.json("inspect", "app.img")
    out, _ = bench.run("inspect", "app.img")
    assert about["container"] in out
    assert "no: see image verify" in out


def test_the_key_is_changed_and_the_payload_is_not(bench: Bench, key_files: KeyFiles) -> None:
    bench.sign()
    bench.run("resign", "app.img", "-k", f"pem:{bench.private}", "-p", bench.platform, "-o", "again.img")
    assert bench.json("verify", "again.img", "--key", bench.public)["verdict"] == "trusted"
    payloads = []
    for image in ("app.img", "again.img"):
        bench.run("extract", image, "-o", "out.bin")
        payloads.append(Path("out.bin").read_bytes())
    if bench.platform != "TI-CC13x2-OAD":  # its signature is in the middle of what is extracted
        assert payloads[0] == payloads[1]


def test_the_key_is_elsewhere(bench: Bench) -> None:
    common = ("-p", bench.platform, "--key", bench.public)
    bench.run("digest", "app.bin", *common, "-o", "digest")
    options = ["-pkeyopt", "digest:sha256"]
    if bench.key_type is KeyType.RSA3072:
        options += ["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "rsa_pss_saltlen:32"]
    sign = ["openssl", "pkeyutl", "-sign", "-inkey", bench.private, "-in", "digest", "-out", "sig", *options]
    subprocess.run(sign, check=True)
    bench.run("attach", "app.bin", *common, "--signature", "sig", "-o", "app.img")
    assert bench.json("verify", "app.img", "--key", bench.public)["verdict"] == "trusted"
    # a signature over something else is not attached
    Path("digest").write_bytes(bytes(32))
    subprocess.run(sign, check=True)
    said = bench.run("attach", "app.bin", *common, "--signature", "sig", "-o", "wrong.img", code=1)[1]
    assert "signature" in said
    assert not Path("wrong.img").exists()


def test_an_envelope_around_it(bench: Bench) -> None:
    key = ("-k", f"pem:{bench.private}", "--boot-key", f"pem:{bench.private}")
    bench.run("sign", "app.bin", "-p", bench.platform, "-f", "JSONEmbedded", *key, "-o", "app.signed")
    about = bench.json("verify", "app.signed", "--key", bench.public, "--boot-key", bench.public)
    layers = {step.get("layer", "") for step in about["steps"]}
    assert len(layers) == 2
    assert about["verdict"] == "trusted"
    assert bench.json("inspect", "app.signed")["payload"]["container"] in layers
    bench.run("verify", "app.signed", "--key", bench.public, "--boot-key", bench.other_public(), code=1)


@pytest.mark.parametrize("bench", ["espressif"], indirect=True)
def test_a_key_digest_is_enough_for_espressif(bench: Bench) -> None:
    bench.sign()
    digest = bench.json("inspect", "app.img")["signatures"][0]["keyDigest"]
    about = bench.json("verify", "app.img", "--key-digest", digest)
    assert (about["verdict"], about["container"]["keyDigest"]) == ("trusted", digest)
    Path("digest.bin").write_bytes(bytes.fromhex(digest))
    assert "key digest" in bench.run("verify", "app.img", "--key-digest", "digest.bin")[0]
    assert "none of the given digests" in bench.run("verify", "app.img", "--key-digest", "00" * 32, code=1)[1]
    assert "no signature block" in bench.run("verify", "app.bin", "--key-digest", digest, code=1)[1]
    assert "not both" in bench.run("verify", "app.img", "--key", bench.public, "--key-digest", digest, code=2)[1]
    assert "32 bytes" in bench.run("verify", "app.img", "--key-digest", "00", code=2)[1]
    bench.run("verify", "app.img", "--key-digest", "no-such-file", code=5)
    extracted = bench.json("extract", "app.img", "--key-digest", digest, "-o", "out.bin")
    assert extracted["verdict"] == "trusted"
    # within a signed object it counts for the container
    sign = ("-p", "AmazonFreeRTOS-Default", "-k", f"pem:{bench.private}", "-o", "app.signed")
    bench.run("sign", "app.img", *sign)
    nested = ("verify", "app.signed", "--key", bench.public, "--key-digest")
    about = bench.json(*nested, digest)
    assert {step.get("layer") for step in about["steps"]} == {None, "espressif-secure-boot-v2"}
    bench.run(*nested, "00" * 32, code=1)
    Path("app.bin").write_bytes(b"no container")
    bench.run("sign", "app.bin", *sign)
    assert "no native container" in bench.run(*nested, digest, code=2)[1]


@pytest.mark.parametrize("bench", ["oad", "descriptor"], indirect=True)
def test_a_key_digest_says_nothing_about_others(bench: Bench) -> None:
    bench.sign()
    assert "--key" in bench.run("verify", "app.img", "--key-digest", "00" * 32, code=2)[1]


@pytest.mark.parametrize("bench", ["espressif"], indirect=True)
def test_anti_rollback_by_the_secure_version(bench: Bench) -> None:
    # threat 21
    bench.sign()
    key = ("-k", f"pem:{bench.private}")
    sign = ("sign", "app.bin", "-p", bench.platform, *key, "-o", "new.img")
    bench.run(*sign, "--minimum-security-counter", "3")
    bench.run(*sign, "--release", "app.img")
    said = bench.run(*sign, "--minimum-security-counter", "4", code=1)[1]
    assert "secure_version is 3" in said
    verify = ("verify", "app.img", "--key", bench.public, "--minimum-security-counter")
    assert bench.json(*verify, "3")["steps"][-1]["number"] == 7
    bench.run(*verify, "4", code=1)


@pytest.mark.parametrize("bench", ["oad"], indirect=True)
def test_what_a_container_does_not_know_is_refused(bench: Bench) -> None:
    key = ("-k", f"pem:{bench.private}")
    sign = ("sign", "app.bin", "-p", bench.platform, *key, "-o", "new.img")
    assert "minimum_version" in bench.run(*sign, "--minimum-version", "1.0", code=2)[1]
    bench.run(*sign, "--hash", "SHA512", code=4)
    Path("app.bin").write_bytes(io.BytesIO(oad_app()).read(200))
    bench.run(*sign, code=3)
    assert not Path("new.img").exists()


def test_looking_into_an_image_loads_little(bench: Bench) -> None:
    """Starting takes most of the time: OpenSSL loads only to check a point of a curve, no other container at all."""
    bench.sign()
    heavy = {"rich", "json", "iotsign.formats.jsonimage._image", "iotsign.formats.mcuboot"}
    if "espressif" not in bench.platform.lower():
        heavy |= {"cryptography", "iotsign.formats.espressif"}
    elif bench.key_type is KeyType.RSA3072:
        heavy |= {"cryptography", "iotsign.formats.espressif._one_pass"}
    code = (
        "import sys; from iotsign.cli import run; code = run(['image', 'inspect', 'app.img']);"
        f"print(code, {heavy!r} & {{*sys.modules}}, file=sys.stderr)"
    )
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=unmeasured)
    assert done.stderr == "0 set()\n"


def test_damaged_images(bench: Bench) -> None:
    # threats 15, 20
    bench.sign()
    check_every_verb(Path("app.img").read_bytes(), f"pem:{bench.private}", bench.public, bench.output)
