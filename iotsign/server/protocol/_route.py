"""From method and path to an operation."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Final
from urllib.parse import unquote_to_bytes

from iotsign.errors import ValidationError
from iotsign.server.protocol._model import operation_model, operation_names

_LABEL: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """Where an operation is found.

    Attributes:
        operation: The operation's name.
        method: The HTTP verb.
        template: The path with its labels in braces.
        pattern: What a percent-encoded path must look like.
    """

    operation: str
    method: str
    template: str
    pattern: re.Pattern[bytes]


@cache
def routes() -> tuple[Route, ...]:
    """Every route of the service, those with fewer labels first."""
    found = [
        Route(name, http["method"], http["requestUri"], _pattern(http["requestUri"]))
        for name in operation_names()
        for http in [operation_model(name).http]
    ]
    return tuple(sorted(found, key=lambda route: (route.template.count("{"), route.template)))


def _pattern(template: str) -> re.Pattern[bytes]:
    parts = _LABEL.split(template)
    source = ""
    for position, part in enumerate(parts):
        if position % 2 == 0:
            source += re.escape(part)
        elif part.endswith("Arn") and position == len(parts) - 2:
            source += f"(?P<{part}>.+)"  # some SDKs leave the slashes of an ARN as they are
        else:
            source += f"(?P<{part}>[^/]+)"
    return re.compile(source.encode(), re.DOTALL)


def find_route(method: str, path: bytes) -> tuple[str, dict[str, str]]:
    """Find the operation.

    Args:
        method: The HTTP verb.
        path: The path without dot segments, percent-encoded.

    Returns:
        The operation's name and the decoded labels.

    Raises:
        ValidationError: No such operation, or a label is not UTF-8; ``code`` is the name of AWS's exception.
    """
    for route in routes():
        if route.method == method and (match := route.pattern.fullmatch(path)):
            return route.operation, {name: _decode(name, value) for name, value in match.groupdict().items()}
    raise ValidationError("UnknownOperationException", f"no operation at {method[:16]} {path[:256].decode('latin-1')}")


def _decode(name: str, value: bytes) -> str:
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError as error:
        message = f"{name!r} in the path must be UTF-8, got a stray byte at offset {error.start}"
        raise ValidationError("MalformedHttpRequestException", message) from None
