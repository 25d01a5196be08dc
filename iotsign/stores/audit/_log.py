"""Writing the audit log: durable before anybody goes on, many writers, one sync for all that wait.

Processes take turns by a lock on the file. It is not held while the disk is waited for, and a sync covers what others
wrote.
"""

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from iotsign.errors import StoreError
from iotsign.signer import AuditEvent
from iotsign.stores._together import Together
from iotsign.stores.audit._chain import START, Link, encode_event, read_line, write_line
from iotsign.stores.audit._head import format_head, head_path, read_head

_TAIL: Final = 1 << 16


class FileAuditLog:
    """The audit log in a file; see `iotsign.signer.AuditLog`. Threads and processes may share it.

    Args:
        path: The log; it is made, readable by its owner only, if it is not there.

    Raises:
        StoreError: It cannot be opened, its end is no record, or records are missing there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mutex = threading.Lock()
        self._writes, self._syncs = Together(self._write), Together(self._sync)
        self._end, self._synced = (-1, START), 0
        self._broken: StoreError | None = None
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(path, flags, 0o600)
            self._head = os.open(head_path(path), flags, 0o600)
            with self._locked():
                self._load_end()
        except OSError as error:
            raise self._failure(error) from error

    def append(self, event: AuditEvent, *, durable: bool = True) -> None:
        """Add an event; it is in the file when this returns.

        Args:
            event: What happened.
            durable: Whether to wait until it is on the disk, with everything before it. Once that failed nothing more
                is taken until the log is opened again, because what is on the disk is not known.

        Raises:
            StoreError: It is not on record.
        """
        end = self._writes.do(encode_event(event))
        if durable:
            self._syncs.do(end)

    def close(self) -> None:
        """Close the files."""
        os.close(self._file)
        os.close(self._head)

    def _write(self, contents: list[bytes]) -> list[int]:
        """Write events, and give the size that the file then has to each."""
        if self._broken is not None:
            raise self._broken
        try:
            with self._locked():
                self._catch_up()
                begin, last = self._end
                lines = []
                for content in contents:
                    line, last = write_line(content, last)
                    lines.append(line + b"\n")
                data = b"".join(lines)
                try:
                    _write_all(self._file, data, begin)
                except OSError:
                    with suppress(OSError):
                        os.ftruncate(self._file, begin)
                    raise
                self._end = begin + len(data), last
        except OSError as error:
            raise self._failure(error) from error
        return [begin + len(data)] * len(contents)

    def _sync(self, ends: list[int]) -> list[None]:
        """Wait until the disk has what was written up to here, then note how far that is."""
        if max(ends) <= self._synced:
            return [None] * len(ends)
        size, last = self._end
        try:
            os.fdatasync(self._file)
        except OSError as error:
            self._broken = self._failure(error)
            raise self._broken from error
        self._synced = size
        if not self._writes.is_working:
            self._note(size, last)
        return [None] * len(ends)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep other threads and processes away; the lock on the file is the process's, whichever thread took it."""
        with self._mutex:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def _note(self, size: int, last: Link) -> None:
        """Note where the log ends; whoever has written behind this will do so."""
        try:
            with self._locked():
                if os.fstat(self._file).st_size == size:
                    _write_all(self._head, format_head(last), 0)
        except OSError as error:
            raise self._failure(error) from error

    def _catch_up(self) -> None:
        """Take note of what other processes wrote."""
        state = os.fstat(self._file)
        if not os.path.samestat(state, os.stat(self._path)):  # noqa: PTH116 - like fstat
            raise StoreError(
                "AuditLogReplaced", f"the audit log {str(self._path)!r} was replaced", path=str(self._path)
            )
        size, known = state.st_size, self._end[0]
        if size == known:
            return
        if 0 <= known < size <= known + _TAIL:
            added = os.pread(self._file, size - known, known)
            found = read_line(added[:-1].rpartition(b"\n")[2]) if added.endswith(b"\n") else None
            if found is not None:
                self._end = size, found[0]
                return
        self._load_end()

    def _load_end(self) -> None:
        """Find the last record; bytes behind it, of a write that a crash cut short, were never on record."""
        size = os.fstat(self._file).st_size
        whole, line = self._last_line(size)
        found = read_line(line) if line else (START, "")
        if found is None:
            message = f"the last record of the audit log {str(self._path)!r} is damaged; nothing is signed"
            raise StoreError("AuditLogDamaged", message, path=str(self._path))
        head = read_head(self._path)
        if head is not None and (
            head.sequence > found[0].sequence or (head.sequence == found[0].sequence and head != found[0])
        ):
            message = f"the audit log {str(self._path)!r} has lost records at its end; nothing is signed"
            raise StoreError("AuditLogTruncated", message, path=str(self._path), expected=head.sequence)
        if whole != size:
            os.ftruncate(self._file, whole)
        self._end = whole, found[0]

    def _last_line(self, size: int) -> tuple[int, bytes]:
        """Find where the last line feed is, and the line that it ends."""
        tail, start = b"", size
        while start > 0 and tail.count(b"\n") < 2:
            begin = max(0, start - _TAIL)
            tail, start = os.pread(self._file, start - begin, begin) + tail, begin
        whole, feed, _ = tail.rpartition(b"\n")
        return start + len(whole) + len(feed), whole.rpartition(b"\n")[2]

    def _failure(self, error: OSError) -> StoreError:
        code = errno.errorcode.get(error.errno or 0, "IoError")
        message = (
            f"the audit log {str(self._path)!r} cannot be written, so nothing is signed: {error.strerror or error}"
        )
        return StoreError(code, message, path=str(self._path))


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    while data:
        written = os.pwrite(descriptor, data, offset)
        data, offset = data[written:], offset + written
