"""Settings of verification and extraction, by name; what packing needs on top is in `_settings`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from iotsign.errors import ConfigError
from iotsign.formats.container import Settings
from iotsign.formats.mcuboot._image import Image, read_image
from iotsign.formats.mcuboot._rollback import Floor
from iotsign.formats.mcuboot._version import ImageVersion
from iotsign.formats.settings import read_release, refuse_unknown

if TYPE_CHECKING:
    from iotsign.formats.mcuboot._encryption import DecryptionKey

WHAT: Final = "an MCUboot image"
OPENING: Final = frozenset({"decryption_key", "decryption_passphrase"})
_FLOOR: Final = frozenset({"minimum_version", "minimum_security_counter", "release"})


def integer_setting(value: object) -> int:
    """Read a number.

    Raises:
        ConfigError: Something else.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError("SettingType", f"expected a number, got {value!r}")
    return value


def text_setting(value: object) -> str:
    """Read text.

    Raises:
        ConfigError: Something else.
    """
    if not isinstance(value, str):
        raise ConfigError("SettingType", f"expected text, got {value!r}")
    return value


def version_setting(value: object) -> ImageVersion:
    """Read a version.

    Raises:
        ConfigError: Something else.
    """
    return ImageVersion.parse(text_setting(value))


def decryption_key(settings: Settings) -> DecryptionKey | None:
    """Read what to decrypt with.

    Raises:
        KeyFamilyError: It is no such key.
    """
    if "decryption_key" not in settings:
        return None
    from iotsign.formats.mcuboot._encryption import load_decryption_key

    return load_decryption_key(settings["decryption_key"], settings.get("decryption_passphrase"))


def release(settings: Settings) -> Image | None:
    """Read the released image that sets the floor.

    Raises:
        MalformedImageError: It is no image.
    """
    return read_release(settings, read_image)


def check_opening(settings: Settings) -> None:
    """Check the settings of a verification or an extraction.

    Raises:
        ConfigError: An unknown setting.
    """
    refuse_unknown(settings, OPENING | _FLOOR | {"require_all"}, WHAT)


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
                read_setting(version_setting, "minimum_version", version) if version is not None else None,
                read_setting(integer_setting, "minimum_security_counter", counter) if counter is not None else None,
            )
        )
    released = release(settings)
    return [*found, Floor.of_release(released)] if released is not None else found


def read_setting(reader: Callable[[Any], Any], name: str, value: object) -> Any:
    """Read a value; an error names the setting.

    Raises:
        ConfigError: The value does not fit.
    """
    try:
        return reader(value)
    except ConfigError as error:
        raise ConfigError(error.code, f"{name.replace('_', '-')}: {error.message}", **error.data) from None
