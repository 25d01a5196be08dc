"""What native containers do with their settings alike."""

from collections.abc import Callable, Collection
from typing import BinaryIO, Final, TypeVar

from iotsign.errors import ConfigError, FormatError
from iotsign.formats.container import Settings

__all__ = ["RELEASE", "read_release", "refuse_unknown"]

RELEASE: Final = "release"

_Read = TypeVar("_Read")


def refuse_unknown(settings: Settings, known: Collection[str], what: str) -> None:
    """Refuse settings that are not known.

    Args:
        settings: By name.
        known: The names.
        what: The container, for messages.

    Raises:
        ConfigError: There is one.
    """
    unknown = sorted(set(settings) - {*known})
    if unknown:
        message = f"expected settings that {what} takes here, got {', '.join(unknown)}"
        flags = ", ".join(f"--{name}" for name in unknown).replace("_", "-")
        raise ConfigError("UnknownSetting", message, settings=unknown, hint=f"leave out {flags}")


def read_release(settings: Settings, read: Callable[[BinaryIO], _Read]) -> _Read | None:
    """Read the released image that sets the floor, if one is given.

    Args:
        settings: By name.
        read: Reads an image of the container's format.

    Raises:
        FormatError: It is none; the message says that this is about the released image.
    """
    if RELEASE not in settings:
        return None
    try:
        return read(settings[RELEASE])
    except FormatError as error:
        raise type(error)(error.code, f"the released image: {error.message}", **error.data) from None
