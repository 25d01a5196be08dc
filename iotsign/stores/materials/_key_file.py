"""The file whose content encrypts imported private keys."""

import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

from iotsign.errors import KeyRejectedError, KeyUnavailableError
from iotsign.keys import write_key_file

_SECRET: Final = re.compile(rb"[0-9a-f]{64}\n?")
_SIZE: Final = 65  # bytes: 32 random ones in hex, and a line feed
_OTHERS: Final = 0o077


def create_key_file(path: Path) -> None:
    """Make a key file that only its owner can read.

    Raises:
        ConfigError: There is such a file.
        StoreError: The system does not take it.
    """
    write_key_file(path, secrets.token_hex(32).encode() + b"\n")


def read_key_file(path: Path) -> bytes:
    """Read a key file.

    Raises:
        KeyUnavailableError: It cannot be read, or is none.
        KeyRejectedError: Others can read it (threat 31).
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - what is checked is what is read
            mode, content = stat.S_IMODE(os.fstat(descriptor).st_mode), file.read(_SIZE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise KeyUnavailableError("KeyFileUnreadable", f"cannot read the key file {str(path)!r}: {reason}") from None
    if mode & _OTHERS:
        message = (
            f"{str(path)!r} is open to group or others (mode bits {mode & _OTHERS:#05o}); run: chmod 600 {str(path)!r}"
        )
        raise KeyRejectedError("KeyFileOpenToOthers", message, path=str(path))
    if not _SECRET.fullmatch(content):
        message = f"expected 64 hexadecimal digits in the key file {str(path)!r}, got something else"
        raise KeyUnavailableError("InvalidKeyFile", message, path=str(path))
    return content.strip()
