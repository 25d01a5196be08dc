"""The canonical request: the one spelling of a request that both sides hash.

Everything works on the bytes as they came over the wire, so that what is checked is what is then parsed.

Source: AWS Signature Version 4 for API requests, "Create a canonical request" (2024).
"""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes

QueryPairs = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class WireRequest:
    """A request as it came, before anything is believed.

    Attributes:
        method: The verb, in capitals.
        path: The path as on the wire, percent-encoded.
        query: What follows the question mark, as on the wire.
        headers: Names in lower case, and values, both decoded as Latin-1, in the order in which they came.
    """

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[str, str], ...]
    _values: dict[str, list[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        values: dict[str, list[str]] = {}
        for name, value in self.headers:
            values.setdefault(name, []).append(value)
        object.__setattr__(self, "_values", values)

    def all(self, name: str) -> list[str]:
        """Every value of a header; ``name`` is in lower case."""
        return self._values.get(name, [])

    def get(self, name: str, default: str = "") -> str:
        """The value of a header, its repetitions joined with commas."""
        return ",".join(self._values[name]) if name in self._values else default

    def names(self) -> Collection[str]:
        """The names of all headers, in lower case, each once."""
        return self._values.keys()


def parse_query(query: bytes) -> QueryPairs:
    """Split a query string into decoded names and values, in order; a plus sign is a space."""
    if not query:
        return ()
    pairs = (pair.partition(b"=") for pair in query.split(b"&"))
    return tuple((_decode(name), _decode(value)) for name, _, value in pairs)


def _decode(part: bytes) -> bytes:
    return unquote_to_bytes(part.replace(b"+", b" "))


def normalize_path(path: bytes) -> bytes:
    """Remove dot segments and empty segments; every service but S3 signs, and routes on, what remains.

    Source: RFC 3986 §5.2.4, and the rule of AWS that consecutive slashes count as one.
    """
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in {b"", b"."}:
            kept.append(segment)
    return b"/" + b"/".join(kept) + (b"/" if kept and path.endswith(b"/") else b"")


def canonical_query(pairs: Iterable[tuple[bytes, bytes]]) -> str:
    """Encode and sort a query: by name, then by value, both as encoded."""
    encoded = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs)
    return "&".join(f"{name}={value}" for name, value in encoded)


def canonical_request(
    request: WireRequest, *, path: str, query: str, signed_headers: Collection[str], payload: str
) -> str:
    """Write a canonical request.

    Args:
        request: Where method and headers come from.
        path: The canonical path.
        query: The canonical query, without the signature.
        signed_headers: The names that are signed, in lower case and in order.
        payload: The payload's SHA-256 in hex, or the word that stands for it.
    """
    headers = "".join(f"{name}:{_canonical_value(request, name)}\n" for name in signed_headers)
    return "\n".join([request.method, path, query, headers, ";".join(signed_headers), payload])


def _canonical_value(request: WireRequest, name: str) -> str:
    return ",".join(" ".join(value.split()) for value in request.all(name))


def digest(text: str) -> str:
    """SHA-256 of a canonical text in hex; header bytes above 127 came as Latin-1 and are hashed as they came."""
    return hashlib.sha256(text.encode("latin-1")).hexdigest()
