"""A JSON reader for small objects that takes nothing ambiguous."""

import json
from typing import Any, Final, NoReturn, cast

from iotsign.errors import MalformedImageError
from iotsign.formats.jsonimage._recognise import MAX_SMALL_SIZE

_MAX_DIGITS: Final = 19  # 2**63 has 19


def _malformed(code: str, message: str, **data: Any) -> MalformedImageError:
    return MalformedImageError(code, message, **data)


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise _malformed("DuplicateKey", f"expected each key once, got {key!r} again", key=key)
        result[key] = value
    return result


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS or text.startswith("-"):
        shown = text if len(text) <= _MAX_DIGITS + 1 else f"{len(text)} characters"
        raise _malformed("BadNumber", f"expected an integer of 0 to 2^63-1, got {shown}")
    return int(text)


def _refuse_number(text: str) -> NoReturn:
    raise _malformed("BadNumber", f"expected an integer, got {text[:20]}")


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_refuse_duplicates,
    parse_int=_integer,
    parse_float=_refuse_number,
    parse_constant=_refuse_number,
)


def load_object(data: bytes, *, limit: int = MAX_SMALL_SIZE) -> dict[str, Any]:
    """Read one JSON object: UTF-8, unique keys, non-negative integers only, nothing before or after it.

    Args:
        data: The object.
        limit: How many bytes it may have.

    Raises:
        MalformedImageError: Anything else.
    """
    if len(data) > limit:
        raise _malformed("ObjectTooLarge", f"expected at most {limit} bytes of JSON, got {len(data)}")
    if data[:1] != b"{" or data[-1:] != b"}":
        raise _malformed("NotAnObject", "expected one JSON object from the first byte to the last", offset=0)
    try:
        value = _DECODER.decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _malformed(
            "NotUtf8", f"expected UTF-8, got another byte at offset {error.start}", offset=error.start
        ) from error
    except json.JSONDecodeError as error:
        raise _malformed("BadJson", f"{error.msg} at offset {error.pos}", offset=error.pos) from error
    except RecursionError:
        raise _malformed("NestedTooDeep", "expected JSON of at most three levels, got far more") from None
    return cast("dict[str, Any]", value)
