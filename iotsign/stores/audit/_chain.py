"""One record of the audit log as a line, and what binds it to the line before.

Layout: a JSON object on one line, ``{"sequence":N,…,"previous":"HEX","hash":"HEX"}``. ``previous`` is the hash of the
line before, 64 zeros for the first. ``hash`` is the SHA-256 of the line's bytes up to the comma before ``"hash"``.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final

from iotsign.signer import AuditEvent

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"))
GENESIS: Final = "0" * 64
_LINE: Final = re.compile(rb'(\{"sequence":([0-9]{1,18}),.*,"previous":"([0-9a-f]{64})"),"hash":"([0-9a-f]{64})"\}')


@dataclass(frozen=True, slots=True)
class Link:
    """Where a record stands in the chain.

    Attributes:
        sequence: From 1 on.
        hash: Its own, in hex.
    """

    sequence: int
    hash: str


START: Final = Link(0, GENESIS)


def encode_event(event: AuditEvent) -> bytes:
    """Write what a line says of an event: all of it but its place in the chain."""
    record = {
        "time": event.time.isoformat(),
        "event": event.event,
        "subject": event.subject,
        "account": event.account,
        "principal": event.principal,
        "requestId": event.request_id,
        "details": dict(event.details),
    }
    return _ENCODER.encode(record).encode()[1:-1]


def write_line(content: bytes, before: Link) -> tuple[bytes, Link]:
    """Make the line of an encoded event behind the one before, without its line feed."""
    sequence = before.sequence + 1
    body = b'{"sequence":%d,%s,"previous":"%s"' % (sequence, content, before.hash.encode())
    digest = hashlib.sha256(body).hexdigest()
    return b'%s,"hash":"%s"}' % (body, digest.encode()), Link(sequence, digest)


def read_line(line: bytes) -> tuple[Link, str] | None:
    """Read a line: its link and the hash of the line before; None if it is not what `write_line` makes."""
    match = _LINE.fullmatch(line)
    if match is None or hashlib.sha256(match[1]).hexdigest() != match[4].decode():
        return None
    return Link(int(match[2]), match[4].decode()), match[3].decode()
