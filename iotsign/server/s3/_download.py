"""Objects on their way out."""

import asyncio
import re
from concurrent.futures import Executor
from email.utils import format_datetime
from typing import IO, Final

from iotsign.errors import StoreError, ValidationError
from iotsign.server._exchange import Exchange
from iotsign.stores.objects import StoredVersion

_PIECE: Final = 1 << 18
_RANGE: Final = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


def object_headers(version: StoredVersion) -> list[tuple[str, str]]:
    """What GetObject and HeadObject say of an object."""
    return [
        ("content-type", version.content_type),
        ("etag", f'"{version.etag}"'),
        ("last-modified", format_datetime(version.modified_at, usegmt=True)),
        ("accept-ranges", "bytes"),
        ("x-amz-version-id", version.version),
        *((f"x-amz-meta-{name}", value) for name, value in version.metadata.items()),
    ]


def check_conditions(exchange: Exchange, version: StoredVersion) -> bool:
    """Tell whether the object must be sent: False if the client has it.

    Raises:
        ValidationError: It is not the object that the client wants (``PreconditionFailed``).
    """
    request, etags = exchange.request, {"*", version.etag, f'"{version.etag}"'}
    wanted = request.get("if-match")
    if wanted and not etags & {part.strip() for part in wanted.split(",")}:
        message = "At least one of the pre-conditions you specified did not hold"
        raise ValidationError("PreconditionFailed", message)
    known = request.get("if-none-match")
    return not (known and etags & {part.strip() for part in known.split(",")})


def wanted_range(exchange: Exchange, size: int) -> tuple[int, int] | None:
    """Find which bytes are wanted: the first, and the one behind the last; None for all.

    Raises:
        ValidationError: The object has none of them (``InvalidRange``).
    """
    match = _RANGE.fullmatch(exchange.request.get("range").replace(" ", ""))
    if match is None or match[1] == match[2] == "":
        return None  # RFC 9110 §14.2: a range that is not understood is ignored
    if match[1] == "":
        first, end = max(0, size - int(match[2])), size
    else:
        first, end = int(match[1]), min(size, int(match[2]) + 1) if match[2] else size
    if match[1] and match[2] and int(match[2]) < int(match[1]):
        return None
    if first >= end:
        raise ValidationError("InvalidRange", "The requested range is not satisfiable")
    return first, end


async def send_object(
    exchange: Exchange, version: StoredVersion, headers: list[tuple[str, str]], executor: Executor
) -> None:
    """Answer with an object, or a range of it.

    Raises:
        StoreError: It cannot be read.
        ValidationError: The object has no such range.
    """
    found = wanted_range(exchange, version.size)
    first, end = found or (0, version.size)
    headers = [*headers, ("content-length", str(end - first))]
    if found:
        headers.append(("content-range", f"bytes {first}-{end - 1}/{version.size}"))
    loop = asyncio.get_running_loop()
    try:
        file = await loop.run_in_executor(executor, lambda: version.path.open("rb"))
    except OSError as error:
        raise StoreError("ObjectUnreadable", f"{version.bucket}/{version.key}: {error.strerror}") from error
    with file:
        file.seek(first)
        await exchange.start(206 if found else 200, headers)
        left = end - first if exchange.request.method != "HEAD" else 0
        while left:
            piece = await loop.run_in_executor(executor, _read, file, min(left, _PIECE))
            if not piece:
                raise StoreError("ObjectCut", f"{version.bucket}/{version.key}: expected {left} bytes more")
            left -= len(piece)
            await exchange.write(piece)
        await exchange.write(b"", more=False)


def _read(file: IO[bytes], size: int) -> bytes:
    return file.read(size)
