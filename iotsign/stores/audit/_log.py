"""Writing the audit log: durable before anybody goes on, many writers, one sync for all that wait."""

import errno
import fcntl
import os
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from iotsign.errors import StoreError
from iotsign.signer import AuditEvent
from iotsign.stores.audit._chain import START, read_line, write_line
from iotsign.stores.audit._head import format_head, head_path, read_head

_TAIL: Final = 1 << 16


@dataclass(slots=True)
class _Entry:
    event: AuditEvent
    done: bool = False
    error: StoreError | None = field(default=None)


class FileAuditLog:
    """The audit log in a file; see `iotsign.signer.AuditLog`. Threads and processes may share it.

    Args:
        path: The log; it is made, readable by its owner only, if it is not there.

    Raises:
        StoreError: It cannot be opened, its end is no record, or records are missing there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending: list[_Entry] = []
        self._pending_lock, self._write_lock = threading.Lock(), threading.Lock()
        self._size, self._last = -1, START
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(path, flags, 0o600)
            self._head = os.open(head_path(path), flags, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                self._load_end()
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)
        except OSError as error:
            raise self._failure(error) from error

    def append(self, event: AuditEvent) -> None:
        """Add an event; it is durable when this returns.

        Raises:
            StoreError: It is not on record.
        """
        entry = _Entry(event)
        with self._pending_lock:
            self._pending.append(entry)
        with self._write_lock:
            if not entry.done:  # nobody took it along while this thread waited
                with self._pending_lock:
                    batch, self._pending = self._pending, []
                self._write(batch)
        if entry.error is not None:
            raise entry.error

    def close(self) -> None:
        """Close the files."""
        os.close(self._file)
        os.close(self._head)

    def _write(self, batch: list[_Entry]) -> None:
        error: StoreError | None = None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                self._write_locked([entry.event for entry in batch])
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)
        except OSError as refused:
            error = self._failure(refused)
        except StoreError as broken:
            error = broken
        for entry in batch:
            entry.done, entry.error = True, error

    def _write_locked(self, events: list[AuditEvent]) -> None:
        state = os.fstat(self._file)
        if not os.path.samestat(state, os.stat(self._path)):  # noqa: PTH116 - like fstat
            raise StoreError(
                "AuditLogReplaced", f"the audit log {str(self._path)!r} was replaced", path=str(self._path)
            )
        if state.st_size != self._size:
            self._load_end()
        lines, last = [], self._last
        for event in events:
            line, last = write_line(event, last)
            lines.append(line + b"\n")
        data = b"".join(lines)
        try:
            _write_all(self._file, data, self._size)
            os.fdatasync(self._file)
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self._size)
            raise
        self._size, self._last = self._size + len(data), last
        _write_all(self._head, format_head(last), 0)

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
        self._size, self._last = whole, found[0]

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
