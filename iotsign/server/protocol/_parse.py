"""From labels, query and body to the mapping that the domain takes.

Types are checked here, constraints in `_validate`. Values become what botocore's own parsers give: str, int, bool,
bytes for blobs, datetimes with a time zone for timestamps. Members that the model does not know are ignored, as AWS
does; a null is a member that is not there.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from iotsign.errors import ValidationError
from iotsign.server.protocol._json import read_json
from iotsign.server.protocol._model import operation_model

_INTEGER: Final = re.compile(r"-?[0-9]{1,10}")
_INT32: Final = range(-(1 << 31), 1 << 31)
_BOOLEANS: Final = {"true": True, "false": False}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_JSON_TYPES: Final = {str: "STRING", bool: "BOOLEAN", int: "NUMBER", float: "NUMBER", list: "LIST", dict: "OBJECT"}
_CONTENT_TYPE: Final = "application/json"


def parse_request(
    operation: str,
    labels: Mapping[str, str],
    query: Iterable[tuple[bytes, bytes]],
    body: bytes,
    *,
    content_type: str = "",
    content_encoding: str = "",
) -> dict[str, Any]:
    """Parse a request.

    Args:
        operation: The operation's name.
        labels: The decoded labels of the path.
        query: The decoded query.
        body: The body.
        content_type: The header of that name; empty if there is none.
        content_encoding: The header of that name; empty if there is none.

    Raises:
        ValidationError: A part is malformed or of a wrong type; ``code`` is the name of AWS's exception.
    """
    shape = operation_model(operation).input_shape
    texts: dict[str, list[str]] = {}
    for name, value in query:
        texts.setdefault(_text(name), []).append(_text(value))
    in_body = {name for name, member in shape.members.items() if "location" not in member.serialization}
    document = _read_body(body, content_type, content_encoding) if body and in_body else {}
    request: dict[str, Any] = {}
    for name, member in shape.members.items():
        location, wire_name = member.serialization.get("location"), member.serialization.get("name", name)
        if location == "uri":
            request[name] = _checked(labels[wire_name], name)
        elif location == "querystring":
            if wire_name in texts:
                request[name] = _from_query(member, texts[wire_name], name)
        elif document.get(wire_name) is not None:
            request[name] = _from_json(member, document[wire_name], name)
    return request


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        message = f"query string must be UTF-8, got a stray byte at offset {error.start} of {value[:32]!r}"
        raise ValidationError("MalformedHttpRequestException", message) from None


def _read_body(body: bytes, content_type: str, content_encoding: str) -> dict[str, Any]:
    kind, _, parameters = content_type.lower().partition(";")
    charset = parameters.replace('"', "").replace(" ", "")
    if (kind.strip() or _CONTENT_TYPE) != _CONTENT_TYPE or charset not in {"", "charset=utf-8"}:
        message = f"expected Content-Type {_CONTENT_TYPE}, got {content_type[:128]!r}"
        raise ValidationError("MalformedHttpRequestException", message)
    if content_encoding.strip().lower() not in {"", "identity"}:
        message = f"expected a body without Content-Encoding, got {content_encoding[:64]!r}"
        raise ValidationError("MalformedHttpRequestException", message)
    return read_json(body)


def _from_query(shape: Any, values: list[str], name: str) -> Any:
    if shape.type_name == "list":
        return [_from_query(shape.member, [value], name) for value in values]
    if len(values) != 1:
        message = f"query parameter {name!r} must be there once, got it {len(values)} times"
        raise ValidationError("MalformedHttpRequestException", message)
    value = values[0]
    if shape.type_name == "integer" and _INTEGER.fullmatch(value) and int(value) in _INT32:
        return int(value)
    if shape.type_name == "boolean" and value in _BOOLEANS:
        return _BOOLEANS[value]
    if shape.type_name == "timestamp" and (moment := _iso_8601(value)) is not None:
        return moment
    if shape.type_name == "string":
        return _checked(value, name)
    raise _unconvertible(f"Value {value[:64]!r} at {name!r}", shape)


def _iso_8601(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo and "T" in value else None
    except (ValueError, OverflowError):
        return None


def _from_json(shape: Any, value: Any, path: str) -> Any:
    return _CONVERTERS[shape.type_name](shape, value, path)


def _structure(shape: Any, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(value, shape, path)
    found = {}
    for name, member in shape.members.items():
        item = value.get(member.serialization.get("name", name))
        if item is not None:
            found[name] = _from_json(member, item, f"{path}.{name}")
    return found


def _map(shape: Any, value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(value, shape, path)
    found = {}
    for key, item in value.items():
        if item is None:
            raise ValidationError("SerializationException", f"{path}.{key[:64]}: a map must not hold null")
        found[_checked(key, path)] = _from_json(shape.value, item, f"{path}.{key[:64]}.member")
    return found


def _list(shape: Any, value: Any, path: str) -> list[Any]:
    if not isinstance(value, list):
        raise _wrong_type(value, shape, path)
    found = []
    for position, item in enumerate(value, 1):
        if item is None:
            raise ValidationError("SerializationException", f"{path}.{position}: a list must not hold null")
        found.append(_from_json(shape.member, item, f"{path}.{position}.member"))
    return found


def _string(shape: Any, value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _wrong_type(value, shape, path)
    return _checked(value, path)


def _checked(value: str, path: str) -> str:
    if "\0" in value:
        raise ValidationError("SerializationException", f"{path}: expected text without null characters")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        message = f"{path}: expected Unicode text, got half of a surrogate pair at character {error.start}"
        raise ValidationError("SerializationException", message) from None
    return value


def _boolean(shape: Any, value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type(value, shape, path)
    return value


def _integer(shape: Any, value: Any, path: str) -> int:
    if type(value) is not int or value not in _INT32:
        raise _wrong_type(value, shape, path)
    return value


def _timestamp(shape: Any, value: Any, path: str) -> datetime:
    if type(value) not in {int, float}:
        raise _wrong_type(value, shape, path)
    try:
        return _EPOCH + timedelta(seconds=value)
    except (OverflowError, ValueError):  # beyond the years 1 to 9999; 1e999 is infinite
        raise _wrong_type(value, shape, path) from None


def _blob(shape: Any, value: Any, path: str) -> bytes:
    if not isinstance(value, str):
        raise _wrong_type(value, shape, path)
    try:
        content = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        content = None
    if content is None or base64.b64encode(content).decode() != value:
        raise ValidationError("SerializationException", f"{path}: expected canonical base64")
    return content


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


def _wrong_type(value: Any, shape: Any, path: str) -> ValidationError:
    return _unconvertible(f"{path}: {_JSON_TYPES[type(value)]}_VALUE", shape)


def _unconvertible(what: str, shape: Any) -> ValidationError:
    return ValidationError("SerializationException", f"{what} can not be converted to {shape.type_name}")
