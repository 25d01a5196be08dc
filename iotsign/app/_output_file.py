"""Output that is whole or not there.

A regular file is written to a temporary file in the same directory, synced and renamed, so that an interrupted command
leaves the old file or the new one. What cannot be renamed over (a stream, a FIFO, a device) receives the bytes once all
of them are known to be good.
"""

import contextlib
import errno
import io
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, cast

from iotsign.errors import ConfigError, StoreError

__all__ = ["Target", "output_file", "store_error", "write_all"]

Target = Path | IO[bytes]

_COPY_SIZE: Final = 1 << 20
# names of things that are open already; /dev/shm holds files like any other
_DIRECT_PARENTS: Final = ("/dev/fd/", "/dev/std", "/proc/")


def store_error(error: OSError, what: object) -> StoreError:
    """Say which file the system refused, and why."""
    code = errno.errorcode.get(error.errno or 0, "IoError")
    return StoreError(code, f"{what}: {error.strerror or error}", path=str(what), errno=error.errno)


def write_all(file: IO[bytes], data: bytes | memoryview) -> None:
    """Write all of it: an unbuffered file may take a part of it, which is how a full disk begins.

    Raises:
        OSError: The system does not take the bytes.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


class _WholeFile(io.FileIO):
    """An unbuffered file that takes all of what is written to it, or fails."""

    def write(self, data: Any, /) -> int:
        """Write all of it."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest:
            rest = rest[super().write(rest) :]
        return size


@contextlib.contextmanager
def _nameless() -> Iterator[BinaryIO]:
    import tempfile

    with tempfile.TemporaryFile(buffering=0) as temporary, _WholeFile(temporary.fileno(), "r+", closefd=False) as file:
        yield cast("BinaryIO", file)


def _is_direct(path: Path) -> bool:
    """Tell whether a path is written to as it stands; a directory is refused.

    Raises:
        StoreError: The path is a directory or cannot be looked at.
    """
    if str(path).startswith(_DIRECT_PARENTS):
        return True
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        raise store_error(error, path) from error
    if stat.S_ISDIR(mode):
        raise StoreError("EISDIR", f"{path}: expected a file to write, got a directory", path=str(path))
    return not stat.S_ISREG(mode)


def _refuse_inputs(path: Path, inputs: Iterable[Path]) -> None:
    try:
        target = path.stat()
    except OSError:
        return
    if not stat.S_ISREG(target.st_mode):
        return
    for source in inputs:
        with contextlib.suppress(OSError):
            if os.path.samestat(source.stat(), target):
                message = f"{path}: the output is also an input ({source}); it would be lost"
                hint = "choose another name for the output"
                raise ConfigError("OutputIsInput", message, path=str(path), hint=hint)


def _create_beside(path: Path) -> tuple[int, str]:
    """Make an empty file beside the final one: with its permissions and owner if it exists, else what the umask leaves.

    Raises:
        OSError: The directory does not take it.
    """
    name = f"{path.parent}/.iotsign-{os.urandom(8).hex()}"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        replaced = path.stat()
    except FileNotFoundError:
        return os.open(name, flags, 0o666), name
    fd = os.open(name, flags, 0o600)
    with contextlib.suppress(PermissionError):  # only root gives files away
        os.fchown(fd, replaced.st_uid, replaced.st_gid)
    os.fchmod(fd, stat.S_IMODE(replaced.st_mode) & ~(stat.S_ISUID | stat.S_ISGID))
    return fd, name


def _sync_directory(directory: Path) -> None:
    # some file systems do not sync directories; the rename stands all the same
    with contextlib.suppress(OSError):
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


@contextlib.contextmanager
def _renamed(path: Path) -> Iterator[BinaryIO]:
    final = Path(os.path.realpath(path))
    try:
        fd, name = _create_beside(final)
    except OSError as error:
        raise store_error(error, path) from error
    try:
        with _WholeFile(fd, "r+") as file:
            yield cast("BinaryIO", file)
            os.fsync(fd)
        os.replace(name, final)  # noqa: PTH105
    except OSError as error:
        raise store_error(error, path) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)  # noqa: PTH108
    _sync_directory(final.parent)


@contextlib.contextmanager
def _copied(target: Target) -> Iterator[BinaryIO]:
    with _nameless() as file:
        yield file
        file.seek(0)
        try:
            with target.open("wb", buffering=0) if isinstance(target, Path) else nullcontext(target) as out:
                while chunk := file.read(_COPY_SIZE):
                    write_all(out, chunk)
                out.flush()
        except OSError as error:
            raise store_error(error, target if isinstance(target, Path) else "standard output") from error


@contextlib.contextmanager
def output_file(target: Target, *, inputs: Iterable[Path] = (), dry_run: bool = False) -> Iterator[BinaryIO]:
    """Give a seekable file to write to; publish it if the body ends well.

    Args:
        target: A path, or a stream opened for bytes.
        inputs: Files that must survive: none of them may be the target.
        dry_run: Check the target, and publish nothing.

    Yields:
        An unbuffered file, readable and writable, with a file descriptor; what is written to it is written whole.

    Raises:
        ConfigError: The target is one of the inputs.
        StoreError: The target is a directory, or the system does not take the bytes; nothing partial is left.
    """
    direct = True
    if isinstance(target, Path):
        direct = _is_direct(target)
        _refuse_inputs(target, inputs)
    if dry_run:
        with _nameless() as file:
            yield file
    elif direct:
        with _copied(target) as file:
            yield file
    else:
        with _renamed(cast("Path", target)) as file:
            yield file
