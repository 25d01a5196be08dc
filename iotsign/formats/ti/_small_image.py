"""Images of parts whose flash is small: read whole, signed by one key, hashed with SHA-256."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, BinaryIO, Final

from iotsign.algorithms import HashAlgorithm
from iotsign.errors import ConfigError, ImageTooLargeError
from iotsign.formats.container import Settings
from iotsign.formats.settings import refuse_unknown

if TYPE_CHECKING:
    from iotsign.keys import Signer

_MAX_SIZE: Final = 16 << 20  # no part has more flash


def read_whole(file: BinaryIO, what: str) -> bytes:
    """Read a whole file.

    Args:
        file: Seekable.
        what: What it is, for messages.

    Raises:
        ImageTooLargeError: More than 16 MiB.
    """
    size = file.seek(0, os.SEEK_END)
    if size > _MAX_SIZE:
        raise ImageTooLargeError("ImageTooLarge", f"{what} has at most {_MAX_SIZE} bytes, this one has {size}")
    file.seek(0)
    return file.read(size)


def check_settings(settings: Settings, known: Collection[str], what: str) -> None:
    """Refuse settings that are not known, and other hashes than SHA-256.

    Raises:
        ConfigError: There is one.
    """
    refuse_unknown(settings, known, what)
    hash_ = settings.get("hash", HashAlgorithm.SHA256)
    if hash_ not in (HashAlgorithm.SHA256, HashAlgorithm.SHA256.value):
        raise ConfigError("HashNotAllowed", f"{what} is hashed with SHA256, not with {hash_}")


def only_signer(signers: Sequence[Signer], what: str) -> Signer:
    """The one signer.

    Raises:
        ConfigError: There are more.
    """
    if len(signers) != 1:
        raise ConfigError("OneSigner", f"{what} has room for one signature, got {len(signers)} keys")
    return signers[0]
