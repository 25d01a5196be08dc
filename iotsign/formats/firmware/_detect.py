"""Tells the formats apart: the content decides, and a name that contradicts it is an error."""

import re
from pathlib import PurePath
from typing import Final, Literal

from iotsign.errors import MalformedImageError

FirmwareFormat = Literal["bin", "hex", "elf", "uf2"]

ELF_MAGIC: Final = b"\x7fELF"
UF2_MAGIC: Final = b"UF2\n\x57\x51\x5d\x9e"

_HEX_START: Final = re.compile(rb"[\r\n]*:[0-9A-Fa-f]{6}0[0-5]")

_SUFFIXES: Final[dict[str, FirmwareFormat]] = {
    ".bin": "bin",
    ".zip": "bin",
    ".hex": "hex",
    ".ihex": "hex",
    ".ihx": "hex",
    ".elf": "elf",
    ".axf": "elf",
    ".uf2": "uf2",
}
_WORDS: Final = {"bin": "a flat binary", "hex": "Intel HEX", "elf": "an ELF file", "uf2": "a UF2 file"}


def detect_firmware_format(head: bytes, name: str) -> FirmwareFormat:
    """Tell what a firmware file is.

    Args:
        head: The file's first bytes; 1024 are enough.
        name: The file's name; only its suffix is looked at, and an unknown suffix says nothing.

    Returns:
        The format that the content has; ``bin`` if it has the marks of no other.

    Raises:
        MalformedImageError: The suffix names another format than the content has.
    """
    found: FirmwareFormat = "bin"
    if head.startswith(ELF_MAGIC):
        found = "elf"
    elif head.startswith(UF2_MAGIC):
        found = "uf2"
    elif _HEX_START.match(head):
        found = "hex"
    named = _SUFFIXES.get(PurePath(name).suffix.lower(), found)
    if named != found and head:
        message = f"{name}: expected {_WORDS[named]} as its name says, got {_WORDS[found]} at offset 0"
        hint = "rename it, or say with --input-format what it is"
        raise MalformedImageError("NameContradictsContent", message, path=name, offset=0, hint=hint)
    return named
