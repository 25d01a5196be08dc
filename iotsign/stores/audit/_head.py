"""The note of the last record, beside the log: it shows that records were cut off at the end."""

import re
from pathlib import Path
from typing import Final

from iotsign.stores.audit._chain import Link

_HEAD: Final = re.compile(rb"([0-9]{18}) ([0-9a-f]{64})\n")


def head_path(log: Path) -> Path:
    """Where the note of a log is."""
    return log.with_name(f"{log.name}.head")


def format_head(link: Link) -> bytes:
    """Make a note; it always has the same length."""
    return f"{link.sequence:018} {link.hash}\n".encode()


def read_head(log: Path) -> Link | None:
    """Read the note of a log; None if there is none."""
    try:
        match = _HEAD.fullmatch(head_path(log).read_bytes())
    except FileNotFoundError:
        return None
    return Link(int(match[1]), match[2].decode()) if match else None
