"""The MCUboot image behind the door of all native containers: settings by name."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from iotsign.algorithms import HashAlgorithm, signature_algorithm
from iotsign.errors import ConfigError, IotsignError, KeyMismatchError, RollbackError, UnsupportedFormatError
from iotsign.formats.container import Container
from iotsign.formats.container_registry import CONTAINERS, container_named, recognise_container
from iotsign.formats.judge import judge_by_openssl
from iotsign.formats.mcuboot import CONTAINER, read_image
from iotsign.keys import PublicKey, Signer

Make = Callable[..., bytes]
FIRMWARE = b"firmware" * 4


@pytest.fixture
def container() -> Container:
    return container_named("mcuboot")


def test_the_door() -> None:
    assert container_named("mcuboot") is CONTAINER
    assert all(container_named(name).name == name for name in CONTAINERS)
    with pytest.raises(UnsupportedFormatError, match="mcuboot"):
        container_named("elsewhere")
    assert recognise_container(bytes.fromhex("3db8f396")) is CONTAINER
    assert recognise_container(b"") is None
    assert recognise_container(bytes(4096)) is None


SETTINGS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "simple": {
        "version": "1.2.3+4",
        "header_size": 64,
        "pad_header": True,
        "slot_size": 4096,
        "pad": True,
        "align": 8,
    },
    "protected": {
        "security_counter": "auto",
        "dependencies": "(1, 2.0), (3,1.2.3+4)",
        "boot_record": "SPE",
        "vid": "example.com",
    },
    "more": {"vid": "example.com", "cid": "gateway", "security_counter": 3, "hash": "sha512", "pure": True},
    "TLVs": {"custom_tlv": [("0xa0", "text"), ("161", "0x00ff"), ("0xa2", b"raw")]},
    "encrypted": {"encrypt": bytes(32), "encrypt_keylen": 256, "compression": "lzma2", "clear": True},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings(name: str, container: Container, signers: dict[str, Signer], keys: dict[str, PublicKey]) -> None:
    settings = SETTINGS[name]
    output = io.BytesIO()
    packed = container.sign(io.BytesIO(FIRMWARE * 9), output, [signers["ed25519"]], settings)
    opened = container.open(output, {})
    assert "MCUboot image" in opened.summary
    assert packed.digest.hex() in opened.check_integrity()
    assert opened.find_signers([keys["ed25519"]], judge_by_openssl) == packed.signatures
    assert packed.signatures[0].algorithm == signature_algorithm("Ed25519")
    assert packed.size == len(output.getvalue())
    opened.check_platform({})
    assert opened.check_floor() is None
    assert container.inspect(output)["container"] == "mcuboot"
    firmware = io.BytesIO()
    container.extract(output, firmware, {})
    assert firmware.getvalue().rstrip(b"\0") == FIRMWARE * 9


def test_what_settings_mean(container: Container, signers: dict[str, Signer]) -> None:
    output = io.BytesIO()
    settings = {"version": "1.2.3+4", "dependencies": "(1, 2.0),(3,1.2.3+4)", "custom_tlv": [("161", "0x00ff")]}
    container.sign(io.BytesIO(FIRMWARE), output, [signers["p256"]], settings)
    image = read_image(output)
    assert str(image.version) == "1.2.3+4"
    assert [(found.image, str(found.version)) for found in image.dependencies] == [(1, "2.0.0+0"), (3, "1.2.3+4")]
    assert (image.protected[-1].type, image.protected[-1].data) == (0xA1, b"\0\xff")


@pytest.mark.parametrize(
    "settings",
    [
        {"unknown": 1},
        {"decryption_key": bytes(16)},
        {"align": "8"},
        {"align": True},
        {"pad_header": 1},
        {"version": 1},
        {"version": "x"},
        {"compression": "zip"},
        {"public_key_format": "short"},
        {"encrypt_keylen": 192},
        {"dependencies": "1,2"},
        {"dependencies": "(1,2.0) (x)"},
        {"dependencies": "(256,2.0)"},
        {"custom_tlv": [("x", "y")]},
        {"custom_tlv": [("0xa0", "0x0")]},
        {"custom_tlv": [("0x10", "y")]},
        {"cid": "gateway"},
        {"security_counter": "automatic"},
        {"minimum_security_counter": "1"},
    ],
)
def test_bad_settings(settings: dict[str, Any], container: Container, signers: dict[str, Signer]) -> None:
    with pytest.raises(ConfigError):
        container.sign(io.BytesIO(FIRMWARE), io.BytesIO(), [signers["p256"]], settings)


def test_an_unknown_hash(container: Container, signers: dict[str, Signer]) -> None:
    with pytest.raises(IotsignError, match="MD5"):
        container.sign(io.BytesIO(FIRMWARE), io.BytesIO(), [signers["p256"]], {"hash": "MD5"})


def test_settings_of_other_verbs(container: Container, make: Make, signers: dict[str, Signer]) -> None:
    source = io.BytesIO(make())
    for use in (
        lambda: container.open(source, {"align": 8}),
        lambda: container.extract(source, io.BytesIO(), {"pad": True}),
        lambda: container.resign(source, io.BytesIO(), [signers["p256"]], {"version": "2"}),
        lambda: container.write_message(source, io.BytesIO(), None, {"version": "2"}),
    ):
        with pytest.raises(ConfigError):
            use()


def test_room_for_a_header_is_not_guessed(container: Container, signers: dict[str, Signer]) -> None:
    source = bytes(0x200) + FIRMWARE
    with pytest.raises(ConfigError, match="zeros") as caught:
        container.sign(io.BytesIO(source), io.BytesIO(), [signers["p256"]], {})
    assert "--header-size" in caught.value.data["hint"]
    for settings, size in (({"header_size": 0x200}, 0x200), ({"pad_header": True}, 32)):
        output = io.BytesIO()
        container.sign(io.BytesIO(source), output, [signers["p256"]], settings)
        assert read_image(output).header.hdr_size == size


def test_floors(container: Container, make: Make, signers: dict[str, Signer]) -> None:
    # threat 21
    release = make(security_counter=5)
    low = {"version": "1.2.3+4", "security_counter": 4}
    for floor in ({"release": io.BytesIO(release)}, {"minimum_security_counter": 5}, {"minimum_version": "1.2.4"}):
        with pytest.raises(RollbackError):
            container.sign(io.BytesIO(FIRMWARE), io.BytesIO(), [signers["p256"]], {**low, **floor})
    output = io.BytesIO()
    container.sign(io.BytesIO(FIRMWARE), output, [signers["p256"]], low)
    for floor in ({"release": io.BytesIO(release)}, {"minimum_security_counter": 5}, {"minimum_version": "1.2.4"}):
        with pytest.raises(RollbackError):
            container.open(output, floor).check_floor()
    held = container.open(output, {"minimum_security_counter": 4, "release": output}).check_floor()
    assert held == "version 1.2.3+4, security counter 4"


def test_all_keys_may_be_demanded(container: Container, make: Make, keys: dict[str, PublicKey]) -> None:
    opened = container.open(io.BytesIO(make(["p256"])), {"require_all": True})
    opened.check_integrity()
    with pytest.raises(KeyMismatchError):
        opened.find_signers([keys["p256"], keys["ed25519"]], judge_by_openssl)


def test_signing_again(
    container: Container, make: Make, signers: dict[str, Signer], keys: dict[str, PublicKey]
) -> None:
    output = io.BytesIO()
    packed = container.resign(io.BytesIO(make(["p256"])), output, [signers["ed25519"]], {"append": True})
    assert [found.signer for found in packed.signatures] == [None, keys["ed25519"]]
    output = io.BytesIO()
    packed = container.resign(io.BytesIO(make(["p256"])), output, [signers["p384"]], {})
    assert [found.signer for found in packed.signatures] == [keys["p384"]]
    assert packed.digest_algorithm is HashAlgorithm.SHA384


def test_the_offline_ceremony(
    container: Container, make: Make, signers: dict[str, Signer], keys: dict[str, PublicKey]
) -> None:
    algorithm = signature_algorithm("SHA256withECDSA")
    for source, settings in ((FIRMWARE, {"version": "1.2.3+4"}), (make([]), {})):
        message, output = io.BytesIO(), io.BytesIO()
        assert container.write_message(io.BytesIO(source), message, None, settings) is HashAlgorithm.SHA256
        signature = signers["p256"].sign_digest(message.getvalue(), algorithm)
        packed = container.attach(io.BytesIO(source), output, keys["p256"], signature, settings)
        assert packed.signatures[0].signer == keys["p256"]
        assert output.getvalue() == make(["p256"])
    with pytest.raises(ConfigError, match="boot record"):
        container.write_message(io.BytesIO(FIRMWARE), io.BytesIO(), None, {"boot_record": "SPE"})


def test_the_offline_ceremony_of_a_pure_image(container: Container, make: Make) -> None:
    message = io.BytesIO()
    settings = {"version": "1.2.3+4", "pure": True}
    assert container.write_message(io.BytesIO(FIRMWARE), message, None, settings) is None
    assert message.getvalue() == make(pure=True)[:64]
    assert container.write_message(io.BytesIO(make(pure=True)), message, None, {}) is None
