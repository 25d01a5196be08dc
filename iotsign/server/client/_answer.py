"""Requests and answers as the JSON that AWS's own command line reads and prints."""

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from iotsign.server.protocol import operation_model


def plain_answer(operation: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Give an answer as JSON can hold it: members in the model's order, times in ISO 8601, blobs in base64.

    Args:
        operation: The operation's name.
        answer: The members of its output shape, from a server or from the domain.
    """
    shape = operation_model(operation).output_shape
    return {} if shape is None else _structure(shape, answer)


def plain_request(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Give a request as JSON can hold it, the way `read_document` takes it."""
    return _structure(operation_model(operation).input_shape, request)


def _plain(shape: Any, value: Any) -> Any:
    writer = _WRITERS.get(shape.type_name)
    return writer(shape, value) if writer else value


def _structure(shape: Any, value: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(member, value[name]) for name, member in shape.members.items() if value.get(name) is not None}


def _list(shape: Any, value: Any) -> list[Any]:
    return [_plain(shape.member, item) for item in value]


def _map(shape: Any, value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _plain(shape.value, item) for key, item in value.items()}


def _timestamp(_: Any, value: datetime) -> str:
    # over the wire go milliseconds
    return datetime.fromtimestamp(round(value.timestamp(), 3), UTC).isoformat()


def _blob(_: Any, value: bytes) -> str:
    return base64.b64encode(value).decode()


_WRITERS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "timestamp": _timestamp,
    "blob": _blob,
}
