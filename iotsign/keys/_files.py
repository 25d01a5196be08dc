"""Reading key and certificate files: bounded, from one open descriptor, sorted by what they hold."""

import base64
import binascii
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from iotsign.errors import KeyUnavailableError
from iotsign.keys._secret import Secret

STDIN: Final = "-"
PRIVATE_LABELS: Final = (None, "PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY")

_LIMIT: Final = 1 << 20  # bytes; a bundle of a hundred certificates is a tenth of it
_OTHERS: Final = 0o077
_DER_SEQUENCE: Final = 0x30
_PEM: Final = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s((?:(?!-----).)*)-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PemBlock:
    """One object in a file.

    Attributes:
        label: What PEM calls it, for example ``PUBLIC KEY``; None if the whole file is DER.
        text: The block as it stands in the file.
        der: The bytes it encodes; None if they are encrypted as RFC 1421 does, or no base64.
    """

    label: str | None
    text: Secret
    der: Secret | None


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a file held.

    Attributes:
        content: Its bytes.
        open_to_others: Permission bits of group and others; 0 for pipes and terminals.
    """

    content: Secret
    open_to_others: int

    def blocks(self) -> list[PemBlock]:
        """The PEM blocks in order; one block without a label for DER; none for anything else."""
        if self.content.value[0] == _DER_SEQUENCE:
            return [PemBlock(None, self.content, self.content)]
        return [
            PemBlock(match[1].decode(), Secret(match[0]), _decode(match[2]))
            for match in _PEM.finditer(self.content.value)
        ]


def read_key_file(path: str | Path) -> KeyFile:
    """Read a key or certificate file of at most 1 MiB; ``-`` is standard input.

    The permission bits come from the descriptor that the bytes come from, so a file swapped underneath gains nothing.

    Raises:
        KeyUnavailableError: No such file, no permission, a directory, too large, empty.
    """
    try:
        descriptor = os.dup(0) if str(path) == STDIN else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor has no path
            mode = os.fstat(descriptor).st_mode
            content = Secret(file.read(_LIMIT + 1))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise KeyUnavailableError("KeyFileUnreadable", f"cannot read {str(path)!r}: {reason}", path=str(path)) from None
    if not content.value:
        raise KeyUnavailableError("KeyFileEmpty", f"expected a key or certificate, got nothing in {str(path)!r}")
    if len(content.value) > _LIMIT:
        message = f"expected at most {_LIMIT} bytes in {str(path)!r}, got more; no key or certificate is that large"
        raise KeyUnavailableError("KeyFileTooLarge", message)
    return KeyFile(content, mode & _OTHERS if stat.S_ISREG(mode) else 0)


def _decode(body: bytes) -> Secret | None:
    try:
        return Secret(base64.b64decode(b"".join(body.split()), validate=True))
    except binascii.Error:
        return None
