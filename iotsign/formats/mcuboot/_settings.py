"""Settings by name, as the command line and platform descriptors give them, into options."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from iotsign.algorithms import HashAlgorithm
from iotsign.errors import ConfigError
from iotsign.formats.container import Settings
from iotsign.formats.mcuboot._dependency import Dependency
from iotsign.formats.mcuboot._opening_settings import (
    OPENING,
    WHAT,
    integer_setting,
    read_setting,
    text_setting,
    version_setting,
)
from iotsign.formats.mcuboot._options import Auto, Compression, ImageOptions, parse_uuid
from iotsign.formats.mcuboot._tlv import PublicKeyFormat
from iotsign.formats.mcuboot._version import ImageVersion
from iotsign.formats.settings import refuse_unknown

if TYPE_CHECKING:
    from iotsign.formats.mcuboot._encryption import EncryptionKey
    from iotsign.formats.mcuboot._resign import ResignOptions

_DEPENDENCY: Final = re.compile(r"\(\s*([0-9]{1,3})\s*,\s*([0-9.+]{1,32})\s*\)")


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ConfigError("SettingType", f"expected true or false, got {value!r}")
    return value


def _counter(value: object) -> int | Auto:
    return Auto.AUTO if value == Auto.AUTO.value else integer_setting(value)


def _hash(value: object) -> HashAlgorithm:
    return value if isinstance(value, HashAlgorithm) else HashAlgorithm.from_name(text_setting(value))


def _compression(value: object) -> Compression:
    return Compression(_one_of(value, Compression))


def _key_format(value: object) -> PublicKeyFormat:
    return PublicKeyFormat(_one_of(value, PublicKeyFormat))


def _one_of(value: object, choices: Iterable[str]) -> str:
    known = [str(choice) for choice in choices]
    if value not in known:
        raise ConfigError("SettingValue", f"expected one of {', '.join(known)}, got {value!r}")
    return text_setting(value)


def _key_bits(value: object) -> int:
    bits = integer_setting(value)
    if bits not in {128, 256}:
        raise ConfigError("SettingValue", f"expected 128 or 256, got {bits}")
    return bits // 8


def _dependencies(value: object) -> tuple[Dependency, ...]:
    text = text_setting(value)
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
    "version": ("version", version_setting),
    "header_size": ("header_size", integer_setting),
    "pad_header": ("pad_header", _flag),
    "slot_size": ("slot_size", integer_setting),
    "pad": ("pad", _flag),
    "confirm": ("confirm", _flag),
    "test": ("test", _flag),
    "align": ("align", integer_setting),
    "max_align": ("max_align", integer_setting),
    "max_sectors": ("max_sectors", integer_setting),
    "overwrite_only": ("overwrite_only", _flag),
    "erased_val": ("erased_value", integer_setting),
    "load_addr": ("load_addr", integer_setting),
    "rom_fixed": ("rom_fixed", integer_setting),
    "non_bootable": ("non_bootable", _flag),
    "security_counter": ("security_counter", _counter),
    "dependencies": ("dependencies", _dependencies),
    "custom_tlv": ("custom_tlvs", _custom_tlvs),
    "boot_record": ("boot_record", text_setting),
    "public_key_format": ("public_key_format", _key_format),
    "hash": ("hash", _hash),
    "pure": ("pure", _flag),
    "compression": ("compression", _compression),
    "encrypt_keylen": ("content_key_size", _key_bits),
    "hmac_sha": ("ecies_hash", _hash),
    "clear": ("clear", _flag),
    "save_enctlv": ("save_encrypted_key", _flag),
    "minimum_version": ("minimum_version", version_setting),
    "minimum_security_counter": ("minimum_security_counter", integer_setting),
}
_IMAGE_EXTRA: Final = frozenset({"vid", "cid", "encrypt", "release"})
_RESIGN: Final = ("append", "public_key_format", "hash", "pure", "align", "max_sectors", "overwrite_only")
_RESIGN_READERS: Final[dict[str, Callable[[Any], Any]]] = {"append": _flag} | {
    name: _IMAGE[name][1] for name in _RESIGN[1:]
}


def image_options(settings: Settings) -> ImageOptions:
    """Read how to make an image.

    Raises:
        ConfigError: An unknown setting, or a value that does not fit.
    """
    refuse_unknown(settings, _IMAGE.keys() | _IMAGE_EXTRA, WHAT)
    given = {
        _IMAGE[name][0]: read_setting(_IMAGE[name][1], name, value)
        for name, value in settings.items()
        if name in _IMAGE
    }
    vendor = read_setting(parse_uuid, "vid", settings["vid"]) if "vid" in settings else None
    if "cid" in settings:
        given["class_id"] = read_setting(lambda text: parse_uuid(text, vendor), "cid", settings["cid"])
    return ImageOptions(**{"version": ImageVersion(), **given, "vendor_id": vendor})


def encryption_key(settings: Settings) -> EncryptionKey | None:
    """Read what to encrypt for.

    Raises:
        KeyFamilyError: It is no such key.
    """
    if "encrypt" not in settings:
        return None
    from iotsign.formats.mcuboot._encryption import load_encryption_key

    return load_encryption_key(settings["encrypt"])


def resign_options(settings: Settings, *, append: bool = False) -> ResignOptions:
    """Read how to sign again.

    Raises:
        ConfigError: An unknown setting, or a value that does not fit.
    """
    from iotsign.formats.mcuboot._resign import ResignOptions

    refuse_unknown(settings, _RESIGN_READERS.keys() | OPENING, WHAT)
    given = {
        name: read_setting(reader, name, settings[name]) for name, reader in _RESIGN_READERS.items() if name in settings
    }
    return ResignOptions(**{"append": append, **given})
