"""From a JSON document and the texts of options to the members of a request, as the model shapes them."""

import base64
import binascii
import json
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from iotsign.errors import ConfigError, FormatError
from iotsign.server.client._shorthand import parse_shorthand
from iotsign.server.protocol import operation_model

_CONTAINERS: Final = ("structure", "map", "list")
_BOOLEANS: Final = {"true": True, "false": False}
_INTEGER: Final = re.compile(r"-?[0-9]{1,10}")


class _UnfitError(ValueError):
    """A value that is not what its shape wants; the text says which."""


def read_document(operation: str, document: bytes) -> dict[str, Any]:
    """Read what ``aws signer … --cli-input-json`` takes: an object with the members of the request.

    Timestamps are ISO 8601 or seconds since 1970, blobs are base64; a null is a member that is not there.

    Raises:
        FormatError: It is no such document; the message names the member.
    """
    try:
        value = json.loads(document)
        found: dict[str, Any] = _structure(operation_model(operation).input_shape, value, "")
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise FormatError("NotJson", f"expected the JSON of a {operation} request: {error}") from None
    except RecursionError:
        raise FormatError("NotJson", "expected JSON with fewer brackets within each other") from None
    except _UnfitError as error:
        raise FormatError("UnfitMember", f"{operation}: {error}") from None
    return found


def read_options(operation: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Read the options of a command line: by member's name a text, or several, or what is no text any more.

    Structures and maps are JSON or shorthand; a structure of one text may be that text.

    Args:
        operation: The operation's name.
        options: The values; what is None or empty was not given.

    Raises:
        ConfigError: One is not what its member wants.
    """
    members = operation_model(operation).input_shape.members
    found = {}
    for name, value in options.items():
        if value is None or value == ():
            continue
        try:
            found[name] = _convert(members[name], _untangled(members[name], value), name)
        except ValueError as error:
            words = str(error)
            raise ConfigError("BadOption", words if words.startswith(name) else f"{name}: {words}") from None
    return found


def missing_members(operation: str, request: Mapping[str, Any]) -> list[str]:
    """Name the members that the operation requires and the request lacks."""
    shape = operation_model(operation).input_shape
    return [name for name in shape.required_members if name not in request]


def with_token(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Add the token by which a request may be sent again, as AWS's own clients do."""
    tokens = operation_model(operation).idempotent_members
    return {**{name: str(uuid.uuid4()) for name in tokens}, **request}


def _untangled(shape: Any, value: Any) -> Any:
    """Read the text of a structure or a map; several texts of a map are put together."""
    if shape.type_name == "list" or not isinstance(value, str | tuple):
        return value
    if isinstance(value, tuple):
        together: dict[str, Any] = {}
        for part in value:
            together |= _untangled(shape, part)
        return together
    if shape.type_name == "structure" and "=" not in value and not value.lstrip().startswith("{"):
        members = list(shape.members.items())
        if len(members) == 1 and members[0][1].type_name == "string":
            return {members[0][0]: value}
    return parse_shorthand(value) if shape.type_name in _CONTAINERS else value


def _convert(shape: Any, value: Any, path: str) -> Any:
    return _CONVERTERS[shape.type_name](shape, value, path)


def _structure(shape: Any, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _unfit(path, "an object", value)
    if unknown := [name for name in value if name not in shape.members]:
        known = ", ".join(shape.members)
        raise _UnfitError(f"{_join(path, unknown[0])}: no such member; expected {known}")
    return {
        name: _convert(shape.members[name], item, _join(path, name)) for name, item in value.items() if item is not None
    }


def _map(shape: Any, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _unfit(path, "an object", value)
    return {key: _convert(shape.value, item, _join(path, key)) for key, item in value.items()}


def _list(shape: Any, value: Any, path: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise _unfit(path, "a list", value)
    return [_convert(shape.member, item, f"{path}[{position}]") for position, item in enumerate(value)]


def _string(_: Any, value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _unfit(path, "a text", value)
    return value


def _boolean(_: Any, value: Any, path: str) -> bool:
    found = _BOOLEANS.get(value) if isinstance(value, str) else value
    if not isinstance(found, bool):
        raise _unfit(path, "true or false", value)
    return found


def _integer(_: Any, value: Any, path: str) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if type(value) is not int:
        raise _unfit(path, "a whole number", value)
    return value


def _timestamp(_: Any, value: Any, path: str) -> datetime:
    try:
        if type(value) in {int, float}:
            return datetime.fromtimestamp(value, UTC)
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, OSError):
        raise _unfit(path, "a time such as 2026-11-30T12:00:00Z", value) from None


def _blob(_: Any, value: Any, path: str) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise _unfit(path, "base64", value) from None


_CONVERTERS: Final[dict[str, Callable[[Any, Any, str], Any]]] = {
    "structure": _structure,
    "map": _map,
    "list": _list,
    "string": _string,
    "boolean": _boolean,
    "integer": _integer,
    "timestamp": _timestamp,
    "blob": _blob,
}


def _unfit(path: str, expected: str, value: Any) -> _UnfitError:
    return _UnfitError(f"{path + ': ' if path else ''}expected {expected}, got {json.dumps(value)[:64]}")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
