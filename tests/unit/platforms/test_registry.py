from pathlib import Path

import pytest

from iotsign.algorithms import EncryptionAlgorithm, KeyType
from iotsign.errors import ConfigError
from iotsign.platforms import Registry, SigningMaterial

# platformId, displayName, partner, target, key families, hash, format, MB, revocable
AWS = [
    (
        "AWSIoTDeviceManagement-SHA256-ECDSA",
        "AWS IoT Device Management SHA256-ECDSA ",
        "AWSIoTDeviceManagement",
        "SHA256-ECDSA",
        ["ECDSA"],
        "SHA256",
        "JSONDetached",
        2048,
        False,
    ),
    (
        "AmazonFreeRTOS-Default",
        "Amazon FreeRTOS SHA256-ECDSA",
        "AmazonFreeRTOS",
        "SHA256-ECDSA",
        ["ECDSA", "RSA"],
        "SHA256",
        "JSONEmbedded",
        16,
        False,
    ),
    (
        "AmazonFreeRTOS-TI-CC3220SF",
        "Amazon FreeRTOS SHA1-RSA CC3220SF-Format",
        "AmazonFreeRTOS",
        "SHA1-RSA-TISHA1",
        ["RSA"],
        "SHA1",
        "JSONEmbedded",
        16,
        False,
    ),
    (
        "AWSLambda-SHA384-ECDSA",
        "AWS Lambda",
        "AWSLambda",
        "SHA384-ECDSA",
        ["ECDSA"],
        "SHA384",
        "JSONDetached",
        250,
        True,
    ),
    (
        "Notation-OCI-SHA384-ECDSA",
        "Notation for container registries",
        None,
        "SHA384-ECDSA",
        ["ECDSA"],
        "SHA384",
        "JSONDetached",
        None,
        True,
    ),
]

# what each chip's boot ROM or boot loader verifies
OWN = {
    "Espressif-ESP32": ["rsa3072"],
    "Espressif-ESP32-S2": ["rsa3072"],
    "Espressif-ESP32-S3": ["rsa3072"],
    "Espressif-ESP32-C2": ["p256"],
    "Espressif-ESP32-C3": ["rsa3072"],
    "Espressif-ESP32-C6": ["rsa3072", "p256"],
    "Espressif-ESP32-H2": ["rsa3072", "p256"],
    "Espressif-ESP32-P4": ["rsa3072", "p256", "p384"],
    "MCUboot-ECDSA-P256": ["p256"],
    "MCUboot-ECDSA-P384": ["p384"],
    "MCUboot-RSA-2048": ["rsa2048"],
    "MCUboot-RSA-3072": ["rsa3072"],
    "MCUboot-Ed25519": ["ed25519"],
    "TI-CC13x2-OAD": ["p256"],
}


@pytest.mark.parametrize("row", AWS, ids=lambda row: row[0])
def test_aws_platform_as_aws_shows_it(row: tuple[object, ...]) -> None:
    platform_id, display, partner, target, families, hash_, format_, size, revocable = row
    expected = {
        "platformId": platform_id,
        "displayName": display,
        "partner": partner,
        "target": target,
        "category": "AWS",
        "signingConfiguration": {
            "encryptionAlgorithmOptions": {"allowedValues": families, "defaultValue": families[0]},  # type: ignore[index]
            "hashAlgorithmOptions": {"allowedValues": [hash_], "defaultValue": hash_},
        },
        "signingImageFormat": {"supportedFormats": [format_], "defaultFormat": format_},
        "maxSizeInMB": size,
        "revocationSupported": revocable,
    }
    expected = {name: value for name, value in expected.items() if value is not None}
    assert Registry().get(str(platform_id)).to_aws() == expected


@pytest.mark.parametrize(("platform_id", "key_types"), OWN.items())
def test_own_platform(platform_id: str, key_types: list[str]) -> None:
    platform = Registry().get(platform_id)
    assert [key_type.value for key_type in platform.key_types] == key_types
    assert platform.default_encryption is platform.key_types[0].encryption
    assert platform.partner == "iotsign"
    assert platform.image_formats == ("JSONEmbedded", "JSONDetached")
    assert platform.native_container is not None
    assert platform.certificate.signing_material is SigningMaterial.OPTIONAL


def test_nothing_else_is_built_in() -> None:
    registry = Registry()
    assert set(registry.platform_ids) == {str(row[0]) for row in AWS} | OWN.keys()
    assert [platform.platform_id for platform in registry.list()] == list(registry.platform_ids)


def test_espressif_chip_ids() -> None:
    import esptool.targets as targets

    chips = {
        "ESP32": targets.ESP32ROM,
        "ESP32-S2": targets.ESP32S2ROM,
        "ESP32-S3": targets.ESP32S3ROM,
        "ESP32-C2": targets.ESP32C2ROM,
        "ESP32-C3": targets.ESP32C3ROM,
        "ESP32-C6": targets.ESP32C6ROM,
        "ESP32-H2": targets.ESP32H2ROM,
        "ESP32-P4": targets.ESP32P4ROM,
    }
    for name, chip in chips.items():
        assert Registry().get(f"Espressif-{name}").native_options["chipId"] == chip.IMAGE_CHIP_ID, name


def test_where_certificates_come_from() -> None:
    registry = Registry()
    assert registry.get("AmazonFreeRTOS-Default").certificate.signing_material is SigningMaterial.REQUIRED
    assert registry.get("AWSLambda-SHA384-ECDSA").certificate.signing_material is SigningMaterial.SERVICE
    for platform in registry.list():
        assert platform.certificate.key_usage == ("digitalSignature",)
        assert "codeSigning" in platform.certificate.extended_key_usage


def test_users_own_by_directory_and_by_file(tmp_path: Path, descriptor: str) -> None:
    (tmp_path / "My-Board.toml").write_text(descriptor)
    (tmp_path / "README").write_text("not a descriptor")
    registry = Registry.from_directories(tmp_path)
    assert registry.get("My-Board").max_size_mb == 8192
    assert "My-Board" in registry.platform_ids
    any_name = tmp_path / "elsewhere" / "board.toml"
    any_name.parent.mkdir()
    any_name.write_text(descriptor)
    assert Registry().get(str(any_name)).platform_id == "My-Board"


def test_file_in_the_working_directory(tmp_path: Path, descriptor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "board.toml").write_text(descriptor)
    monkeypatch.chdir(tmp_path)
    assert Registry().get("board.toml").platform_id == "My-Board"


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("AmazonFreeRTOS-Defualt", "did you mean AmazonFreeRTOS-Default?"),
        ("??", "`iotsign platform list` names them all"),
        ("", "`iotsign platform list` names them all"),
    ],
)
def test_unknown_platform(wanted: str, hint: str) -> None:
    with pytest.raises(ConfigError, match="no signing platform") as caught:
        Registry().get(wanted)
    assert caught.value.data["hint"] == hint


# threat 24
@pytest.mark.parametrize("wanted", ["..", "../data/AmazonFreeRTOS-Default", "/etc/passwd"])
def test_an_id_is_never_a_path_into_the_data(wanted: str) -> None:
    with pytest.raises(ConfigError):
        Registry().get(wanted)


def test_two_descriptors_of_one_platform(tmp_path: Path, descriptor: str) -> None:
    (tmp_path / "MCUboot-Ed25519.toml").write_text(descriptor)
    with pytest.raises(ConfigError, match="already described by") as caught:
        Registry([tmp_path])
    assert caught.value.code == "DuplicatePlatform"


def test_file_name_must_be_the_id(tmp_path: Path, descriptor: str) -> None:
    (tmp_path / "Other.toml").write_text(descriptor)
    with pytest.raises(ConfigError, match=r"Other\.toml: platformId: expected 'Other'"):
        Registry([tmp_path]).get("Other")


def test_file_name_that_is_no_id(tmp_path: Path, descriptor: str) -> None:
    (tmp_path / "my board.toml").write_text(descriptor)
    with pytest.raises(ConfigError, match="expected a file name of"):
        Registry([tmp_path])


def test_unreadable_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="platform directory cannot be read: No such file"):
        Registry([tmp_path / "none"])
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="platform directory cannot be read: Not a directory"):
        Registry([tmp_path / "file"])
    with pytest.raises(ConfigError, match="platform directory cannot be read: embedded null byte"):
        Registry([Path("a\0b")])


def test_only_ed25519_is_outside_the_models_families() -> None:
    outside = [
        platform.platform_id
        for platform in Registry().list()
        if EncryptionAlgorithm.ED25519 in platform.encryption_algorithms
    ]
    assert outside == ["MCUboot-Ed25519"]
    assert Registry().get(outside[0]).key_types == (KeyType.ED25519,)
