from pathlib import Path

import pytest

from iotsign.algorithms import EncryptionAlgorithm, HashAlgorithm, KeyType, signature_algorithm
from iotsign.errors import ConfigError, UnsupportedAlgorithmError
from iotsign.platforms import CertificateRules, Platform, Registry, SigningMaterial, parse_platform


def parse(tmp_path: Path, text: str) -> Platform:
    file = tmp_path / "board.toml"
    file.write_text(text)
    return parse_platform(file)


def test_every_member(tmp_path: Path, descriptor: str) -> None:
    platform = parse(tmp_path, descriptor)
    assert platform.platform_id == "My-Board"
    assert platform.max_size == 8192 * 1024 * 1024
    assert platform.hash_algorithms == (HashAlgorithm.SHA256,)
    assert platform.encryption_algorithms == (EncryptionAlgorithm.ECDSA,)
    assert platform.key_types == (KeyType.P256,)
    assert platform.native_container is None
    assert platform.native_options == {}
    assert platform.certificate.signing_material is SigningMaterial.OPTIONAL
    assert platform.certificate.extended_key_usage == ("codeSigning",)
    assert platform.notes == ("For tests.",)
    assert platform.file == tmp_path / "board.toml"


def test_aws_shape_has_the_files_own_values_in_the_models_order(tmp_path: Path, descriptor: str) -> None:
    assert list(parse(tmp_path, descriptor).to_aws().items()) == [
        ("platformId", "My-Board"),
        ("displayName", "My board"),
        ("partner", "Me"),
        ("target", "SHA256-ECDSA"),
        ("category", "AWSIoT"),
        (
            "signingConfiguration",
            {
                "encryptionAlgorithmOptions": {"allowedValues": ["ECDSA"], "defaultValue": "ECDSA"},
                "hashAlgorithmOptions": {"allowedValues": ["SHA256"], "defaultValue": "SHA256"},
            },
        ),
        ("signingImageFormat", {"supportedFormats": ["JSONEmbedded"], "defaultFormat": "JSONEmbedded"}),
        ("maxSizeInMB", 8192),
        ("revocationSupported", False),
    ]


def test_what_may_be_left_out(tmp_path: Path, descriptor: str) -> None:
    for line in (
        'partner = "Me"\n',
        "maxSizeInMB = 8192\n",
        'otaSignatureKeys = ["sig-sha256-ecdsa"]\n',
        'notes = ["For tests."]\n',
    ):
        descriptor = descriptor.replace(line, "")
    platform = parse(tmp_path, descriptor)
    assert platform.max_size is None
    assert platform.ota_signature_keys == ()
    assert platform.notes == ()
    assert not {"partner", "maxSizeInMB"} & platform.to_aws().keys()


AWS_KEYS_ONLY = """\
platformId = "My-Board"
maxSizeInMB = 1

[signingConfiguration.hashAlgorithmOptions]
allowedValues = ["SHA256"]
defaultValue = "SHA256"

[signingConfiguration.encryptionAlgorithmOptions]
allowedValues = ["ECDSA", "RSA"]
defaultValue = "ECDSA"

[signingImageFormat]
supportedFormats = ["JSONEmbedded"]
defaultFormat = "JSONEmbedded"
"""


def test_aws_own_keys_are_enough(tmp_path: Path) -> None:
    platform = parse(tmp_path, AWS_KEYS_ONLY)
    assert (platform.display_name, platform.target, platform.category) == ("My-Board", "SHA256-ECDSA", "AWSIoT")
    assert (platform.partner, platform.revocation_supported, platform.max_size) == (None, False, 1 << 20)
    assert platform.key_types == (KeyType.P256, KeyType.RSA2048, KeyType.RSA3072, KeyType.RSA4096)
    assert (platform.native_container, platform.ota_signature_keys, platform.notes) == (None, (), ())
    rules = CertificateRules(SigningMaterial.OPTIONAL, ("digitalSignature",), ("codeSigning", "any"))
    assert platform.certificate == rules
    assert parse(tmp_path, AWS_KEYS_ONLY + "[iotsign.certificate]\n").certificate == rules
    assert platform.to_aws()["maxSizeInMB"] == 1


@pytest.mark.parametrize(
    ("hashes", "families", "key_types"),
    [
        (["SHA256"], ["ECDSA"], {KeyType.P256}),
        (["SHA384"], ["ECDSA"], {KeyType.P256, KeyType.P384}),
        (["SHA256", "SHA512"], ["ECDSA"], {KeyType.P256, KeyType.P384}),
        (["SHA256"], ["Ed25519"], {KeyType.ED25519}),
        (["SHA384"], ["RSA", "Ed25519"], {KeyType.RSA2048, KeyType.RSA3072, KeyType.RSA4096, KeyType.ED25519}),
    ],
)
def test_key_types_follow_from_families_and_hashes(
    tmp_path: Path, hashes: list[str], families: list[str], key_types: set[KeyType]
) -> None:
    text = AWS_KEYS_ONLY.replace('["SHA256"]', str(hashes)).replace('"SHA256"', f'"{hashes[0]}"')
    text = text.replace('["ECDSA", "RSA"]', str(families)).replace('"ECDSA"', f'"{families[0]}"')
    assert set(parse(tmp_path, text).key_types) == key_types


@pytest.mark.parametrize(
    ("old", "new", "key", "problem"),
    [
        ("My-Board", "../My", "platformId", "expected 2 to 64 letters"),  # threat 24
        ("partner =", "partnr =", "partnr", "unknown key"),
        ("platformId", "#", "platformId", "required string is missing"),
        ("[signingImageFormat]", "[iotsign.other]", "signingImageFormat", "required table is missing"),
        ("category = ", 'category = "" #', "category", "expected a non-empty string"),
        ("maxSizeInMB = 8192", "maxSizeInMB = 0", "maxSizeInMB", "expected 1..1048576, got 0"),
        ("maxSizeInMB = 8192", 'maxSizeInMB = "8192"', "maxSizeInMB", "expected integer, got string"),
        ("maxSizeInMB = 8192", "maxSizeInMB = 1.5", "maxSizeInMB", "expected integer, got float"),
        ("= false", "= 0", "revocationSupported", "expected boolean, got integer"),
        (
            'allowedValues = ["SHA256"]',
            'allowedValues = ["SHA257"]',
            "signingConfiguration.hashAlgorithmOptions.allowedValues",
            "expected one of SHA1, SHA256, SHA384, SHA512; got 'SHA257'",
        ),
        (
            'allowedValues = ["SHA256"]',
            "allowedValues = []",
            "signingConfiguration.hashAlgorithmOptions.allowedValues",
            "at least one",
        ),
        (
            'defaultValue = "ECDSA"',
            'defaultValue = "RSA"',
            "signingConfiguration.encryptionAlgorithmOptions.defaultValue",
            "'RSA' is not among allowedValues",
        ),
        (
            "[signingConfiguration.hashAlgorithmOptions]",
            "[signingConfiguration.hashes]",
            "signingConfiguration.hashes",
            "unknown key",
        ),
        (
            'supportedFormats = ["JSONEmbedded"]',
            'supportedFormats = ["JSON"]',
            "signingImageFormat.supportedFormats",
            "expected one of JSONEmbedded, JSONDetached; got 'JSON'",
        ),
        (
            'defaultFormat = "JSONEmbedded"',
            'defaultFormat = "JSONDetached"',
            "signingImageFormat.defaultFormat",
            "'JSONDetached' is not among supportedFormats",
        ),
        ('keyTypes = ["p256"]', 'keyTypes = ["p256", "p257"]', "iotsign.keyTypes", "got 'p257'"),
        ('keyTypes = ["p256"]', 'keyTypes = ["p256", "rsa2048"]', "iotsign.keyTypes", "rsa2048 is a key of the family"),
        ('["ECDSA"]', '["ECDSA", "RSA"]', "iotsign.keyTypes", "no key type of the allowed family RSA"),
        ('["sig-sha256-ecdsa"]', '["sig-sha1-rsa"]', "iotsign.otaSignatureKeys", "expected one of sig-sha256-ecdsa"),
        ("notes = [", 'nativeContainer = "zip"\nnotes = [', "iotsign.nativeContainer", "expected one of espressif"),
        ("[iotsign.cert", "[iotsign.nativeOptions]\n[iotsign.cert", "iotsign.nativeOptions", "no nativeContainer"),
        (
            "notes = [",
            'nativeContainer = "espressif-secure-boot-v2"\nnotes = [',
            "iotsign.nativeOptions",
            "required table is missing",
        ),
        (
            "[iotsign.cert",
            "[iotsign.nativeOptions]\nchipId = 65536\n[iotsign.cert",
            "iotsign.nativeOptions.chipId",
            "0..65535",
        ),
        (
            "[iotsign.cert",
            "[iotsign.nativeOptions]\nchip = 1\n[iotsign.cert",
            "iotsign.nativeOptions.chip",
            "unknown key",
        ),
        ('"optional"', '"maybe"', "iotsign.certificate.signingMaterial", "expected one of required, optional, service"),
        ('["digitalSignature"]', '["keyCertSign"]', "iotsign.certificate.keyUsage", "got 'keyCertSign'"),
        ('["codeSigning"]', '["serverAuth"]', "iotsign.certificate.extendedKeyUsage", "got 'serverAuth'"),
    ],
)
def test_bad_descriptor_names_file_and_key(
    tmp_path: Path, descriptor: str, old: str, new: str, key: str, problem: str
) -> None:
    assert old in descriptor
    if "chip" in new:
        descriptor = descriptor.replace("notes = [", 'nativeContainer = "espressif-secure-boot-v2"\nnotes = [')
    with pytest.raises(ConfigError, match=problem) as caught:
        parse(tmp_path, descriptor.replace(old, new))
    assert caught.value.data["key"] == key
    assert caught.value.message.startswith(f"{tmp_path / 'board.toml'}: {key}: ")


# threat 7
def test_sha1_is_only_for_the_chip_that_needs_it(tmp_path: Path, descriptor: str) -> None:
    text = descriptor.replace("SHA256", "SHA1").replace("sha256", "sha1")
    with pytest.raises(ConfigError, match="SHA1 is allowed only for the container ti-cc3220sf"):
        parse(tmp_path, text)
    with pytest.raises(ConfigError, match="no signature algorithm for ECDSA with SHA1"):
        parse(tmp_path, text.replace("notes =", 'nativeContainer = "ti-cc3220sf"\nnotes ='))
    users = [platform for platform in Registry().list() if HashAlgorithm.SHA1 in platform.hash_algorithms]
    assert [platform.platform_id for platform in users] == ["AmazonFreeRTOS-TI-CC3220SF"]


def test_native_options_are_read_only() -> None:
    options = Registry().get("Espressif-ESP32-C3").native_options
    assert options == {"chipId": 5}
    with pytest.raises(TypeError):
        options["chipId"] = 9  # type: ignore[index]


@pytest.mark.parametrize(
    ("platform", "key_type", "name", "ota_key"),
    [
        ("AmazonFreeRTOS-Default", KeyType.P256, "SHA256withECDSA", "sig-sha256-ecdsa"),
        ("AmazonFreeRTOS-Default", KeyType.RSA2048, "SHA256withRSA", "sig-sha256-rsa"),
        ("AmazonFreeRTOS-TI-CC3220SF", KeyType.RSA2048, "SHA1withRSA", "sig-sha1-rsa"),
        ("AWSLambda-SHA384-ECDSA", KeyType.P384, "SHA384withECDSA", None),
        ("Espressif-ESP32-P4", KeyType.P256, "SHA256withECDSA", "sig-sha256-ecdsa"),
        ("Espressif-ESP32-P4", KeyType.P384, "SHA384withECDSA", "sig-sha384-ecdsa"),
        ("MCUboot-Ed25519", KeyType.ED25519, "Ed25519", None),
    ],
)
def test_how_a_key_signs(platform: str, key_type: KeyType, name: str, ota_key: str | None) -> None:
    found = Registry().get(platform)
    algorithm = found.signature_algorithm(key_type)
    assert algorithm is signature_algorithm(name)
    assert found.ota_signature_key(algorithm) == ota_key


def test_hash_that_was_asked_for() -> None:
    p4 = Registry().get("Espressif-ESP32-P4")
    assert p4.signature_algorithm(KeyType.P384, HashAlgorithm.SHA256).name == "SHA256withECDSA"
    with pytest.raises(UnsupportedAlgorithmError, match="takes SHA256, SHA384; got SHA512"):
        p4.signature_algorithm(KeyType.P384, HashAlgorithm.SHA512)


def test_key_of_another_type_is_refused() -> None:
    with pytest.raises(UnsupportedAlgorithmError, match="takes keys of type p256; got rsa2048") as caught:
        Registry().get("AWSIoTDeviceManagement-SHA256-ECDSA").signature_algorithm(KeyType.RSA2048)
    assert caught.value.code == "KeyTypeNotAllowed"
