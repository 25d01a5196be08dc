"""Verifying the audit log: each record is whole, in its place, and none is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from iotsign.errors import DigestMismatchError, StoreError
from iotsign.stores.audit._chain import START, Link, read_line
from iotsign.stores.audit._head import read_head

_LONGEST: Final = 1 << 20  # bytes of a line


@dataclass(frozen=True, slots=True)
class AuditReport:
    """A log in which every record is in its place.

    Attributes:
        records: How many there are.
        last_hash: The hash of the last one; whoever keeps it elsewhere can tell later that none was cut off.
        end_known: Whether something besides the log itself said where it ends.
    """

    records: int
    last_hash: str
    end_known: bool


def verify_audit_log(path: Path, *, expected: tuple[int, str] | None = None) -> AuditReport:
    """Verify a log from its first record to its last.

    Args:
        path: The log; the note beside it, ``PATH.head``, is taken into account.
        expected: Sequence and hash of a record that was seen before, and must still be there.

    Raises:
        DigestMismatchError: A record was changed, removed, moved or cut off; ``data["record"]`` is the first that is
            not as it was written, counted from 1.
        StoreError: The log cannot be read.
    """
    try:
        head = read_head(path)
        marks = [mark for mark in (head, Link(*expected) if expected else None) if mark is not None]
        last = _follow(path, marks)
    except OSError as error:
        raise StoreError(
            "AuditLogUnreadable", f"cannot read {str(path)!r}: {error.strerror}", path=str(path)
        ) from error
    for mark in marks:
        if mark.sequence > last.sequence:
            message = f"records {last.sequence + 1} to {mark.sequence} are missing at the end of the log"
            raise DigestMismatchError("AuditLogTruncated", message, record=last.sequence + 1)
    return AuditReport(last.sequence, last.hash, bool(marks))


def _follow(path: Path, marks: list[Link]) -> Link:
    last = START
    for line in _lines(path):
        number = last.sequence + 1
        found = read_line(line)
        if found is None:
            message = f"record {number} is not as it was written: its hash does not fit its content"
            raise DigestMismatchError("AuditRecordAltered", message, record=number)
        link, previous = found
        if previous != last.hash or link.sequence != number:
            message = f"expected record {number} here, got record {link.sequence} of another place"
            raise DigestMismatchError("AuditRecordMissing", message, record=number)
        if any(mark.sequence == number and mark.hash != link.hash for mark in marks):
            message = f"record {number} is whole but not the one that was seen before"
            raise DigestMismatchError("AuditRecordReplaced", message, record=number)
        last = link
    return last


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while line := file.readline(_LONGEST):
            yield line.removesuffix(b"\n") if line.endswith(b"\n") else b""
