"""Settings by name, as the command line and platform descriptors give them, into options."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final

from iotsign.algorithms import HashAlgorithm
from iotsign.errors import ConfigError
from iotsign.formats.container import Settings
from iotsign.formats.mcuboot._encryption import (
    DecryptionKey,
    EncryptionKey,
    load_decryption_key,
    load_encryption_key,
)
from iotsign.formats.mcuboot._image import Image, read_image
from iotsign.formats.mcuboot._options import (
    Auto,
    Compression,
    Dependency,
    ImageOptions,
    PublicKeyFormat,
    parse_uuid,
)
from iotsign.formats.mcuboot._resign import ResignOptions
from iotsign.formats.mcuboot._rollback import Floor
from iotsign.formats.mcuboot._version import ImageVersion

_DEPENDENCY: Final = re.compile(r"\(\s*([0-9]{1,3})\s*,\s*([0-9.+]{1,32})\s*\)")


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError("SettingType", f"expected a number, got {value!r}")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigError("SettingType", f"expected true or false, got {value!r}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ConfigError("SettingType", f"expected text, got {value!r}")
    return value


def _version(value: object) -> ImageVersion:
    return ImageVersion.parse(_text(value))


def _counter(value: object) -> int | Auto:
    return Auto.AUTO if value == Auto.AUTO.value else _integer(value)


def _hash(value: object) -> HashAlgorithm:
    return value if isinstance(value, HashAlgorithm) else HashAlgorithm.from_name(_text(value))


def _compression(value: object) -> Compression:
    return Compression(_one_of(value, Compression))


def _key_format(value: object) -> PublicKeyFormat:
    return PublicKeyFormat(_one_of(value, PublicKeyFormat))


def _one_of(value: object, choices: Iterable[str]) -> str:
    known = [str(choice) for choice in choices]
    if value not in known:
        raise ConfigError("SettingValue", f"expected one of {', '.join(known)}, got {value!r}")
    return _text(value)


def _key_bits(value: object) -> int:
    bits = _integer(value)
    if bits not in {128, 256}:
        raise ConfigError("SettingValue", f"expected 128 or 256, got {bits}")
    return bits // 8


def _dependencies(value: object) -> tuple[Dependency, ...]:
    text = _text(value)
    found = _DEPENDENCY.findall(text)
    if not found or _DEPENDENCY.sub("", text).replace(",", "").strip():
        raise ConfigError("SettingValue", f"expected (image,version), … such as (1,1.2.3+4), got {text!r}")
    return tuple(Dependency(int(image), ImageVersion.parse(version)) for image, version in found)


def _custom_tlvs(value: Iterable[tuple[str, str | bytes]]) -> tuple[tuple[int, bytes], ...]:
    return tuple((_tlv_type(tag), _tlv_value(content)) for tag, content in value)


def _tlv_type(tag: str) -> int:
    try:
        return int(tag, 0)
    except ValueError:
        raise ConfigError("SettingValue", f"expected a TLV type such as 0xa0, got {tag!r}") from None


def _tlv_value(content: str | bytes) -> bytes:
    if isinstance(content, bytes):
        return content
    if not content.startswith("0x"):
        return content.encode()
    try:
        return bytes.fromhex(content[2:])
    except ValueError:
        raise ConfigError("SettingValue", f"expected pairs of hexadecimal digits behind 0x, got {content!r}") from None


_IMAGE: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "version": ("version", _version),
    "header_size": ("header_size", _integer),
    "pad_header": ("pad_header", _flag),
    "slot_size": ("slot_size", _integer),
    "pad": ("pad", _flag),
    "confirm": ("confirm", _flag),
    "test": ("test", _flag),
    "align": ("align", _integer),
    "max_align": ("max_align", _integer),
    "max_sectors": ("max_sectors", _integer),
    "overwrite_only": ("overwrite_only", _flag),
    "erased_val": ("erased_value", _integer),
    "load_addr": ("load_addr", _integer),
    "rom_fixed": ("rom_fixed", _integer),
    "non_bootable": ("non_bootable", _flag),
    "security_counter": ("security_counter", _counter),
    "dependencies": ("dependencies", _dependencies),
    "custom_tlv": ("custom_tlvs", _custom_tlvs),
    "boot_record": ("boot_record", _text),
    "public_key_format": ("public_key_format", _key_format),
    "hash": ("hash", _hash),
    "pure": ("pure", _flag),
    "compression": ("compression", _compression),
    "encrypt_keylen": ("content_key_size", _key_bits),
    "hmac_sha": ("ecies_hash", _hash),
    "clear": ("clear", _flag),
    "save_enctlv": ("save_encrypted_key", _flag),
    "minimum_version": ("minimum_version", _version),
    "minimum_security_counter": ("minimum_security_counter", _integer),
}
_IMAGE_EXTRA: Final = frozenset({"vid", "cid", "encrypt", "release"})
_RESIGN: Final = ("append", "public_key_format", "hash", "pure", "align", "max_sectors", "overwrite_only")
_RESIGN_READERS: Final[dict[str, Callable[[Any], Any]]] = {"append": _flag} | {
    name: _IMAGE[name][1] for name in _RESIGN[1:]
}
_OPENING: Final = frozenset({"decryption_key", "decryption_passphrase"})
_FLOOR: Final = frozenset({"minimum_version", "minimum_security_counter", "release"})


def image_options(settings: Settings) -> ImageOptions:
    """Read how to make an image.

    Raises:
        ConfigError: An unknown setting, or a value that does not fit.
    """
    _refuse_unknown(settings, _IMAGE.keys() | _IMAGE_EXTRA)
    given = {_IMAGE[name][0]: _read(_IMAGE[name][1], name, value) for name, value in settings.items() if name in _IMAGE}
    vendor = _read(parse_uuid, "vid", settings["vid"]) if "vid" in settings else None
    if "cid" in settings:
        given["class_id"] = _read(lambda text: parse_uuid(text, vendor), "cid", settings["cid"])
    return ImageOptions(**{"version": ImageVersion(), **given, "vendor_id": vendor})


def encryption_key(settings: Settings) -> EncryptionKey | None:
    """Read what to encrypt for.

    Raises:
        KeyFamilyError: It is no such key.
    """
    return load_encryption_key(settings["encrypt"]) if "encrypt" in settings else None


def decryption_key(settings: Settings) -> DecryptionKey | None:
    """Read what to decrypt with.

    Raises:
        KeyFamilyError: It is no such key.
    """
    if "decryption_key" not in settings:
        return None
    return load_decryption_key(settings["decryption_key"], settings.get("decryption_passphrase"))


def release(settings: Settings) -> Image | None:
    """Read the released image that sets the floor.

    Raises:
        MalformedImageError: It is no image.
    """
    return read_image(settings["release"]) if "release" in settings else None


def resign_options(settings: Settings, *, append: bool = False) -> ResignOptions:
    """Read how to sign again.

    Raises:
        ConfigError: An unknown setting, or a value that does not fit.
    """
    _refuse_unknown(settings, _RESIGN_READERS.keys() | _OPENING)
    given = {name: _read(reader, name, settings[name]) for name, reader in _RESIGN_READERS.items() if name in settings}
    return ResignOptions(**{"append": append, **given})


def check_opening(settings: Settings) -> None:
    """Check the settings of a verification or an extraction.

    Raises:
        ConfigError: An unknown setting.
    """
    _refuse_unknown(settings, _OPENING | _FLOOR | {"require_all"})


def floors(settings: Settings) -> list[Floor]:
    """Read what version and counter must reach.

    Raises:
        ConfigError: A value that does not fit.
        MalformedImageError: The released image is none.
    """
    found = []
    if "minimum_version" in settings or "minimum_security_counter" in settings:
        version, counter = settings.get("minimum_version"), settings.get("minimum_security_counter")
        found.append(
            Floor(
                _read(_version, "minimum_version", version) if version is not None else None,
                _read(_integer, "minimum_security_counter", counter) if counter is not None else None,
            )
        )
    released = release(settings)
    return [*found, Floor.of_release(released)] if released is not None else found


def _refuse_unknown(settings: Settings, known: Iterable[str]) -> None:
    unknown = sorted(set(settings) - set(known))
    if unknown:
        message = f"expected settings that the MCUboot container knows here, got {', '.join(unknown)}"
        raise ConfigError("UnknownSetting", message, settings=unknown)


def _read(reader: Callable[[Any], Any], name: str, value: object) -> Any:
    try:
        return reader(value)
    except ConfigError as error:
        raise ConfigError(error.code, f"{name.replace('_', '-')}: {error.message}", **error.data) from None
