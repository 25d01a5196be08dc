"""JSON of a request's body, read strictly: what two readers could understand differently is refused."""

import json
from typing import Any, Final, NoReturn

from iotsign.errors import ValidationError


def read_json(body: bytes) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ValidationError: It is not UTF-8, not JSON, no object, or has a key twice; ``code`` is AWS's exception.
    """
    try:
        value = _DECODER.decode(body.decode())
    except UnicodeDecodeError as error:
        raise _malformed(f"expected UTF-8, got a stray byte at offset {error.start}") from None
    except json.JSONDecodeError as error:
        raise _malformed(f"expected JSON: {error.msg} at character {error.pos}") from None
    except RecursionError:
        raise _malformed("expected JSON with fewer brackets within each other") from None
    except ValueError:  # Python's own limit of digits
        raise _malformed("expected JSON with shorter numbers") from None
    if not isinstance(value, dict):
        raise _malformed(f"expected a JSON object, got {type(value).__name__}")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _malformed("expected each key once in a JSON object, got one twice")
    return found


def _constant(word: str) -> NoReturn:
    raise _malformed(f"expected JSON, got {word}")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)


def _malformed(problem: str) -> ValidationError:
    return ValidationError("MalformedHttpRequestException", f"request body: {problem}")
