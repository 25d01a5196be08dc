"""Files as native containers want them: open for reading in blocks, with progress; keys and releases by name."""

from __future__ import annotations

import contextlib
import io
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from iotsign.app._input_file import InputFile, input_file, read_small_file
from iotsign.app._output_file import store_error
from iotsign.errors import KeyRejectedError

if TYPE_CHECKING:
    from iotsign.core import Progress
    from iotsign.formats.container import Settings

__all__ = ["reader", "resolved_settings", "settings_files"]

_LARGEST_KEY_FILE: Final = 1 << 16
_RELEASE: Final = "release"
_PRIVATE: Final = "decryption_key"


class _TrackedReader(io.BufferedReader):
    """Tells how far reading has come."""

    def __init__(self, raw: io.RawIOBase, progress: Progress) -> None:
        super().__init__(raw)
        self._progress = progress

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._progress(self.tell())
        return data

    def readinto(self, buffer: Any, /) -> int:
        size = super().readinto(buffer)
        self._progress(self.tell())
        return size


def reader(file: InputFile, progress: Progress | None = None) -> BinaryIO:
    """Read an input from its start; the descriptor stays open."""
    raw = io.FileIO(file.fd, closefd=False)
    return cast("BinaryIO", _TrackedReader(raw, progress) if progress else io.BufferedReader(raw))


def resolved_settings(settings: Settings, stack: contextlib.ExitStack) -> dict[str, Any]:
    """Put what is in files in the place of their names: keys as bytes, a released image as an open file.

    Raises:
        StoreError: A file cannot be read.
        KeyRejectedError: A private key's file can be read by others.
    """
    return {
        name: _content(name, value, stack) if isinstance(value, Path) else value for name, value in settings.items()
    }


def settings_files(settings: Settings) -> Iterable[Path]:
    """The files that settings name."""
    return (value for value in settings.values() if isinstance(value, Path))


def _content(name: str, path: Path, stack: contextlib.ExitStack) -> bytes | BinaryIO:
    if name == _RELEASE:
        return reader(stack.enter_context(input_file(path)))
    if name == _PRIVATE:
        _refuse_readable(path)
    return read_small_file(path, _LARGEST_KEY_FILE)


def _refuse_readable(path: Path) -> None:
    # threat 31
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise store_error(error, path) from error
    if mode & 0o077:
        message = f"{path}: expected a decryption key that only its owner can read, got mode {mode:04o}"
        raise KeyRejectedError("KeyFileReadable", message, path=str(path), hint=f"chmod 600 {path}")
