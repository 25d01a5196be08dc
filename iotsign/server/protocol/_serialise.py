"""From the domain's answer to the bytes on the wire, as the model's output shape says."""

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from iotsign.errors import IotsignError
from iotsign.server.protocol._model import operation_model

_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


def serialise_response(operation: str, answer: Mapping[str, Any]) -> bytes:
    """Write an answer; empty where the operation has no output.

    Raises:
        IotsignError: The answer holds what the model does not know, or lacks what it requires: a defect of the domain.
    """
    shape = operation_model(operation).output_shape
    if shape is None:
        if answer:
            raise _defect(operation, min(answer), "is not in the model")
        return b""
    return _ENCODER.encode(_plain(shape, answer, operation)).encode()


def _plain(shape: Any, value: Any, path: str) -> Any:
    writer = _WRITERS.get(shape.type_name)
    return writer(shape, value, path) if writer else value


def _structure(shape: Any, value: Mapping[str, Any], path: str) -> dict[str, Any]:
    members = shape.members
    found = {}
    for name, item in value.items():
        if name not in members:
            raise _defect(path, name, "is not in the model")
        if item is not None:
            member = members[name]
            found[member.serialization.get("name", name)] = _plain(member, item, f"{path}.{name}")
    for name in shape.required_members:
        if value.get(name) is None:
            raise _defect(path, name, "is required by the model")
    return found


def _list(shape: Any, value: Any, path: str) -> list[Any]:
    return [_plain(shape.member, item, path) for item in value]


def _map(shape: Any, value: Mapping[str, Any], path: str) -> dict[str, Any]:
    return {key: _plain(shape.value, item, path) for key, item in value.items()}


def _timestamp(_: Any, value: datetime, __: str) -> int | float:
    seconds = round(value.timestamp(), 3)
    return int(seconds) if seconds.is_integer() else seconds


def _blob(_: Any, value: bytes, __: str) -> str:
    return base64.b64encode(value).decode()


_WRITERS: Final[dict[str, Callable[[Any, Any, str], Any]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "timestamp": _timestamp,
    "blob": _blob,
}


def _defect(path: str, name: str, problem: str) -> IotsignError:
    return IotsignError("UnexpectedAnswer", f"{path}: member {name!r} {problem}")
