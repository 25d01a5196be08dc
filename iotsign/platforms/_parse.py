"""From the TOML of a descriptor to a `Platform`, refusing whatever contradicts itself."""

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from iotsign.algorithms import (
    EncryptionAlgorithm,
    HashAlgorithm,
    KeyType,
    SignatureAlgorithm,
    choose_signature_algorithm,
)
from iotsign.errors import UnsupportedAlgorithmError
from iotsign.platforms.descriptor import CertificateRules, Platform, SigningMaterial
from iotsign.strict_toml import Table, read_toml

_E = TypeVar("_E", bound=Enum)

PLATFORM_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,63}")

_MAX_SIZE_MB: Final = 1 << 20  # a tebibyte; beyond it stands a typing error, not a device
_IMAGE_FORMATS: Final = ("JSONEmbedded", "JSONDetached")
_KEY_USAGES: Final = ("digitalSignature", "contentCommitment")
_EXTENDED_KEY_USAGES: Final = ("codeSigning", "any")

_MAX_FLASH: Final = 0xFFFFFFFF  # bytes that 32-bit addresses reach

# what each native container must be told: text, or a number of 16 bits
_CONTAINERS: Final[Mapping[str, Mapping[str, type]]] = {
    "espressif-secure-boot-v2": {"chipId": int},
    "freertos-descriptor": {},
    "mcuboot": {},
    "ti-cc13x2-oad": {"imageId": str},
    "ti-cc3220sf": {},
}

# what a descriptor may say about a board's flash, for its container
_BOARD_OPTIONS: Final[Mapping[str, Mapping[str, type]]] = {
    "mcuboot": {
        "headerSize": int,
        "padHeader": bool,
        "slotSize": int,
        "pad": bool,
        "align": int,
        "maxAlign": int,
        "maxSectors": int,
        "overwriteOnly": bool,
        "publicKeyFormat": str,
    }
}

_ROOT_KEYS: Final = (
    "platformId",
    "displayName",
    "partner",
    "target",
    "category",
    "maxSizeInMB",
    "revocationSupported",
    "signingConfiguration",
    "signingImageFormat",
    "iotsign",
)
_OPTIONS: Final = ("allowedValues", "defaultValue")
_IOTSIGN_KEYS: Final = ("keyTypes", "nativeContainer", "nativeOptions", "otaSignatureKeys", "certificate", "notes")


def parse_platform(path: Path) -> Platform:
    """Read one descriptor.

    Args:
        path: A TOML file with the members of AWS's GetSigningPlatform; what AWS does not demand, and the table
            ``iotsign``, may be left out.

    Raises:
        ConfigError: The file cannot be read, is not TOML, has an unknown, missing or mistyped key, or values that
            contradict each other. The message names the file and the key.
    """
    root = Table(read_toml(path), _ROOT_KEYS, file=str(path))
    platform_id = root.text("platformId")
    if not PLATFORM_ID.fullmatch(platform_id):
        problem = f"expected 2 to 64 letters, digits, '-' and '_', got {platform_id!r}"
        raise root.error("BadPlatformId", "platformId", problem)
    configuration = root.table("signingConfiguration", ("hashAlgorithmOptions", "encryptionAlgorithmOptions"))
    hashes, default_hash = _options(configuration.table("hashAlgorithmOptions", _OPTIONS), HashAlgorithm)
    encryption = configuration.table("encryptionAlgorithmOptions", _OPTIONS)
    families, default_family = _options(encryption, EncryptionAlgorithm)
    formats, default_format = _formats(root.table("signingImageFormat", ("supportedFormats", "defaultFormat")))
    own = root.table("iotsign", _IOTSIGN_KEYS, optional=True)
    key_types = _members(own, "keyTypes", KeyType) if "keyTypes" in own else _usable_key_types(families, hashes)
    container, options = _native(own)
    algorithms = _algorithms(own, families, hashes, key_types, container)
    return Platform(
        platform_id=platform_id,
        display_name=root.text("displayName", platform_id),
        partner=root.text("partner") if "partner" in root else None,
        target=root.text("target", f"{default_hash.value}-{default_family.value}"),
        category=root.text("category", "AWSIoT"),
        max_size_mb=root.integer("maxSizeInMB", 1, _MAX_SIZE_MB) if "maxSizeInMB" in root else None,
        revocation_supported="revocationSupported" in root and root.flag("revocationSupported"),
        hash_algorithms=hashes,
        default_hash=default_hash,
        encryption_algorithms=families,
        default_encryption=default_family,
        image_formats=formats,
        default_image_format=default_format,
        key_types=key_types,
        native_container=container,
        native_options=options,
        ota_signature_keys=_ota_signature_keys(own, algorithms),
        certificate=_certificate(own),
        notes=own.texts("notes", ()),
        file=path,
    )


def _member(table: Table, key: str, value: str, words: type[_E]) -> _E:
    try:
        return words(value)
    except ValueError:
        known = ", ".join(str(word.value) for word in words)
        raise table.error("UnknownValue", key, f"expected one of {known}; got {value!r}") from None


def _members(table: Table, key: str, words: type[_E]) -> tuple[_E, ...]:
    values = table.texts(key)
    if not values:
        raise table.error("EmptyValue", key, "expected at least one value")
    return tuple(_member(table, key, value, words) for value in values)


def _options(table: Table, words: type[_E]) -> tuple[tuple[_E, ...], _E]:
    allowed = _members(table, "allowedValues", words)
    default = _member(table, "defaultValue", table.text("defaultValue"), words)
    if default not in allowed:
        raise table.error("DefaultNotAllowed", "defaultValue", f"{default.value!r} is not among allowedValues")
    return allowed, default


def _words(table: Table, key: str, known: tuple[str, ...], default: tuple[str, ...] | None = None) -> tuple[str, ...]:
    values = table.texts(key, default)
    for value in values:
        if value not in known:
            raise table.error("UnknownValue", key, f"expected one of {', '.join(known)}; got {value!r}")
    return values


def _formats(table: Table) -> tuple[tuple[str, ...], str]:
    formats = _words(table, "supportedFormats", _IMAGE_FORMATS)
    default = table.text("defaultFormat")
    if default not in formats:
        raise table.error("DefaultNotAllowed", "defaultFormat", f"{default!r} is not among supportedFormats")
    return formats, default


def _native(own: Table) -> tuple[str | None, Mapping[str, str | int | bool]]:
    if "nativeContainer" not in own:
        if "nativeOptions" in own:
            raise own.error("NativeOptionsWithoutContainer", "nativeOptions", "there is no nativeContainer to use them")
        return None, MappingProxyType({})
    container = own.text("nativeContainer")
    if container not in _CONTAINERS:
        known = ", ".join(_CONTAINERS)
        raise own.error("UnknownValue", "nativeContainer", f"expected one of {known}; got {container!r}")
    wanted, board = _CONTAINERS[container], _BOARD_OPTIONS.get(container, {})
    if "nativeOptions" not in own and not wanted:
        return container, MappingProxyType({})
    table = own.table("nativeOptions", [*wanted, *board])
    options = {key: _native_option(table, key, kind, 0xFFFF) for key, kind in wanted.items()}
    options |= {key: _native_option(table, key, kind, _MAX_FLASH) for key, kind in board.items() if key in table}
    return container, MappingProxyType(options)


def _native_option(table: Table, key: str, kind: type, most: int) -> str | int | bool:
    if kind is bool:
        return table.flag(key)
    return table.text(key) if kind is str else table.integer(key, 0, most)


def _ota_signature_keys(own: Table, algorithms: list[SignatureAlgorithm]) -> tuple[str, ...]:
    return _words(own, "otaSignatureKeys", tuple(algorithm.ota_key for algorithm in algorithms), ())


def _certificate(own: Table) -> CertificateRules:
    table = own.table("certificate", ("signingMaterial", "keyUsage", "extendedKeyUsage"), optional=True)
    material = table.text("signingMaterial", SigningMaterial.OPTIONAL.value)
    return CertificateRules(
        signing_material=_member(table, "signingMaterial", material, SigningMaterial),
        key_usage=_words(table, "keyUsage", _KEY_USAGES, ("digitalSignature",)),
        extended_key_usage=_words(table, "extendedKeyUsage", _EXTENDED_KEY_USAGES, ("codeSigning", "any")),
    )


def _usable_key_types(
    families: tuple[EncryptionAlgorithm, ...], hashes: tuple[HashAlgorithm, ...]
) -> tuple[KeyType, ...]:
    """List the families' key types; P-384 only where a hash is as long as the key."""
    long_hash = any(hash_.digest_size >= HashAlgorithm.SHA384.digest_size for hash_ in hashes)
    return tuple(
        key_type
        for key_type in KeyType
        if key_type.encryption in families and (long_hash or key_type is not KeyType.P384)
    )


def _algorithms(
    own: Table,
    families: tuple[EncryptionAlgorithm, ...],
    hashes: tuple[HashAlgorithm, ...],
    key_types: tuple[KeyType, ...],
    container: str | None,
) -> list[SignatureAlgorithm]:
    """List how keys sign; refuse options that no key could use, and SHA-1 wherever a chip's ROM does not force it."""
    for key_type in key_types:
        if key_type.encryption not in families:
            problem = f"{key_type.value} is a key of the family {key_type.encryption.value}, which is not allowed above"
            raise own.error("KeyTypeNotAllowed", "keyTypes", problem)
    # threat 7
    if HashAlgorithm.SHA1 in hashes and container != "ti-cc3220sf":
        problem = "SHA1 is allowed only for the container ti-cc3220sf, whose ROM knows nothing else"
        raise own.error("WeakHash", "nativeContainer", problem)
    algorithms: list[SignatureAlgorithm] = []
    for family in families:
        if not any(key_type.encryption is family for key_type in key_types):
            raise own.error("NoKeyType", "keyTypes", f"no key type of the allowed family {family.value}")
        for hash_ in hashes:
            try:
                algorithms.append(choose_signature_algorithm(family, hash_))
            except UnsupportedAlgorithmError as error:
                raise own.error("NoSuchAlgorithm", "keyTypes", error.message) from None
    return algorithms
