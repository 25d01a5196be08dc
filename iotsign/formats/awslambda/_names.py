"""Names of zip entries that mean the same file to everybody, inside the folder they are unpacked to."""

from collections.abc import Iterable
from typing import Final

from iotsign.errors import MalformedImageError

__all__ = ["check_name", "check_names"]

_LONGEST: Final = 4096  # bytes; PATH_MAX
_FIRST_PRINTABLE: Final = " "


def check_name(name: bytes, offset: int) -> None:
    """Refuse a name that leads elsewhere or that readers spell differently.

    Args:
        name: As stored, with slashes; a directory's ends in one.
        offset: Where it is, for the message.

    Raises:
        MalformedImageError: It is empty, too long, no UTF-8, absolute, or has a part that is empty, ``.`` or ``..``, a
            backslash, a colon behind its first letter, or a control character.
    """
    # threat 13
    try:
        text = name.decode()
    except UnicodeDecodeError:
        raise _refusal("NameNotUtf8", name, "expected a name in UTF-8", offset) from None
    parts = text.removesuffix("/").split("/")
    if len(name) > _LONGEST or any(part in {"", ".", ".."} for part in parts) or "\\" in text or text[1:2] == ":":
        raise _refusal("BadName", name, "expected a relative name without empty parts, . or ..", offset)
    if any(letter < _FIRST_PRINTABLE or letter == "\x7f" for letter in text):
        raise _refusal("BadName", name, "expected a name without control characters", offset)


def check_names(names: Iterable[tuple[bytes, int]]) -> None:
    """Refuse two entries for one file.

    Args:
        names: Each with its offset, for the message.

    Raises:
        MalformedImageError: A name comes twice, or once as a file and once as a directory.
    """
    seen: set[bytes] = set()
    for name, offset in names:
        plain = name.removesuffix(b"/")
        if plain in seen:
            raise _refusal("DuplicateName", name, "expected each name once", offset)
        seen.add(plain)


def _shown(name: bytes) -> str:
    return repr(name.decode("utf-8", "replace"))[:200]


def _refusal(code: str, name: bytes, expected: str, offset: int) -> MalformedImageError:
    return MalformedImageError(code, f"{expected}, got {_shown(name)} at offset {offset}", offset=offset)
