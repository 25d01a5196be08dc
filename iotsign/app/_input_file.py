"""Input that is opened once: the bytes that are judged are the bytes that are used."""

import contextlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from iotsign.app._output_file import store_error, write_all
from iotsign.errors import ImageTooLargeError, StoreError

__all__ = ["InputFile", "Source", "input_file", "open_small", "read_small_file", "source_name", "source_paths"]

Source = Path | IO[bytes]
Limit = Callable[[bytes], int | None]

_CHUNK: Final = 1 << 20
_HEAD: Final = 1 << 12


@dataclass(frozen=True, slots=True)
class InputFile:
    """An open regular file.

    Attributes:
        fd: File descriptor, readable and seekable, at offset 0.
        size: Length in bytes when it was opened.
        name: What to call it in messages.
    """

    fd: int
    size: int
    name: str

    def head(self, count: int) -> bytes:
        """Read the first bytes, at most `count`.

        Raises:
            StoreError: The file cannot be read.
        """
        return self.piece(0, count)

    def piece(self, offset: int, count: int) -> bytes:
        """Read bytes from an offset on, fewer than `count` only at the end.

        Raises:
            StoreError: The file cannot be read.
        """
        try:
            return os.pread(self.fd, count, offset)
        except OSError as error:
            raise store_error(error, self.name) from error

    def read_all(self) -> bytes:
        """Read the whole file into memory.

        Raises:
            StoreError: The file cannot be read, or its size changed.
        """
        try:
            with open(self.fd, "rb", closefd=False) as file:
                file.seek(0)
                data = file.read(self.size + 1)
        except OSError as error:
            raise store_error(error, self.name) from error
        self.check_size(len(data))
        return data

    def check_size(self, count: int) -> None:
        """Notice that the file grew or shrank while it was read.

        Raises:
            StoreError: `count` is not the size at opening.
        """
        if count != self.size:
            message = f"{self.name}: expected {self.size} bytes as at opening, read {count}: the file is being written"
            raise StoreError("InputChanged", message, path=self.name, expected=self.size, got=count)


def source_name(source: Source) -> str:
    """Name a source in messages: its path, or ``-`` for a stream."""
    return str(source) if isinstance(source, Path) else "-"


def source_paths(source: Source) -> list[Path]:
    """List the files that reading a source touches."""
    return [source] if isinstance(source, Path) else []


def _too_large(name: str, size: str, limit: int) -> ImageTooLargeError:
    message = f"{name}: expected at most {limit} bytes, got {size}"
    return ImageTooLargeError("ImageTooLarge", message, path=name, limit=limit)


def _spool(stream: IO[bytes], name: str, limit: Limit | None, stack: contextlib.ExitStack) -> InputFile:
    """Copy a stream to a file without a name, because a signed object must know its size beforehand."""
    import tempfile

    file = stack.enter_context(tempfile.TemporaryFile(buffering=0))  # noqa: SIM115 - the stack closes it
    head = stream.read(_CHUNK) or b""
    most = limit(head) if limit else None
    size, chunk = 0, head
    while chunk:
        size += len(chunk)
        if most is not None and size > most:
            raise _too_large(name, f"more than {most}", most)
        write_all(file, chunk)
        chunk = stream.read(_CHUNK) or b""
    file.seek(0)
    return InputFile(file.fileno(), size, name)


def _open(source: Source, name: str, limit: Limit | None, stack: contextlib.ExitStack) -> InputFile:
    stream = stack.enter_context(source.open("rb", buffering=0)) if isinstance(source, Path) else source
    try:
        fd = stream.fileno()
        about = os.fstat(fd)
        seekable = stat.S_ISREG(about.st_mode) and os.lseek(fd, 0, os.SEEK_CUR) == 0
    except io.UnsupportedOperation:
        seekable = False
    if not seekable:
        return _spool(stream, name, limit, stack)
    file = InputFile(fd, about.st_size, name)
    most = limit(file.head(_HEAD)) if limit else None
    if most is not None and file.size > most:
        raise _too_large(name, f"{file.size}", most)
    return file


@contextlib.contextmanager
def input_file(source: Source, *, limit: Limit | None = None) -> Iterator[InputFile]:
    """Open a path or stream for reading, once.

    Args:
        source: A path, or a stream opened for bytes; what is not a regular file is copied to a temporary one.
        limit: Gets the first bytes, gives the largest size in bytes, or raises.

    Yields:
        The open file.

    Raises:
        StoreError: The source cannot be opened or read.
        ImageTooLargeError: The source is larger than `limit` says; a stream is read no further than that.
    """
    name = source_name(source)
    with contextlib.ExitStack() as stack:
        try:
            file = _open(source, name, limit, stack)
        except OSError as error:
            raise store_error(error, name) from error
        yield file


def open_small(path: Path, limit: int, stack: contextlib.ExitStack) -> InputFile | None:
    """Open a regular file of at most `limit` bytes, in a third of the time that `input_file` takes.

    Args:
        path: The file.
        limit: Its largest size in bytes.
        stack: Closes it.

    Returns:
        The open file; None if it is larger or not regular.

    Raises:
        StoreError: It cannot be opened.
    """
    name = str(path)
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a FIFO would wait for its writer
        stack.callback(os.close, fd)
        about = os.fstat(fd)
    except OSError as error:
        raise store_error(error, name) from error
    return InputFile(fd, about.st_size, name) if stat.S_ISREG(about.st_mode) and about.st_size <= limit else None


def read_small_file(source: Source, limit: int) -> bytes:
    """Read a whole file of at most `limit` bytes.

    Raises:
        StoreError: The source cannot be opened or read.
        ImageTooLargeError: It is larger.
    """
    with input_file(source, limit=lambda _: limit) as file:
        return file.read_all()
