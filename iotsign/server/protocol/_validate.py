"""The model's constraints, in AWS's words.

botocore's client checks only what is required and some minima before it sends; lengths, patterns and enums are the
server's work. A pattern must match the whole value, although some of the model's are anchored only at the start.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from iotsign.errors import ValidationError
from iotsign.server.protocol._model import operation_model

_MAX_SHOWN: Final = 256  # characters of a value that a message repeats


def validate_request(operation: str, request: Mapping[str, Any]) -> None:
    """Check a parsed request against every constraint of the model.

    Raises:
        ValidationError: Some do not hold; the message names each member and rule.
    """
    problems = list(_problems(operation_model(operation).input_shape, request, ""))
    if problems:
        noun = "validation error" if len(problems) == 1 else "validation errors"
        raise ValidationError("ValidationError", f"{len(problems)} {noun} detected: {'; '.join(problems)}")


def _problems(shape: Any, value: Any, path: str) -> Iterator[str]:
    if shape.type_name == "structure":
        for name in shape.required_members:
            if name not in value:
                yield _problem("null", _join(path, name), "Member must not be null")
        for name, member in shape.members.items():
            if name in value:
                yield from _problems(member, value[name], _join(path, name))
        return
    for rule in _broken_rules(shape, value):
        yield _problem(f"'{_shown(value)}'", path, rule)
    if shape.type_name == "list":
        yield from _element_problems(shape.member, value, value, path, "Member must satisfy constraint")
    elif shape.type_name == "map":
        yield from _element_problems(shape.key, value, value, path, "Map keys must satisfy constraint")
        yield from _element_problems(shape.value, value.values(), value, path, "Map value must satisfy constraint")


def _element_problems(shape: Any, elements: Any, whole: Any, path: str, words: str) -> Iterator[str]:
    if any(_broken_rules(shape, element) for element in elements):
        yield _problem(f"'{_shown(whole)}'", path, f"{words}: [{', '.join(_all_rules(shape))}]")


def _broken_rules(shape: Any, value: Any) -> list[str]:
    return [words for holds, words in _rules(shape) if not holds(value)]


def _all_rules(shape: Any) -> list[str]:
    return [words for _, words in _rules(shape)]


@cache
def _rules(shape: Any) -> tuple[tuple[Any, str], ...]:
    """The rules of a shape: a predicate and AWS's words for it."""
    rules: list[tuple[Any, str]] = []
    metadata, size = shape.metadata, _size if shape.type_name != "integer" else int
    noun = "value" if shape.type_name == "integer" else "length"
    if (maximum := metadata.get("max")) is not None:
        rules.append((lambda value: size(value) <= maximum, f"Member must have {noun} less than or equal to {maximum}"))
    if (minimum := metadata.get("min")) is not None:
        words = f"Member must have {noun} greater than or equal to {minimum}"
        rules.append((lambda value: size(value) >= minimum, words))
    if pattern := metadata.get("pattern"):
        matches = re.compile(pattern).fullmatch
        rules.append((lambda value: bool(matches(value)), f"Member must satisfy regular expression pattern: {pattern}"))
    if enum := metadata.get("enum"):
        rules.append((lambda value: value in enum, f"Member must satisfy enum value set: [{', '.join(enum)}]"))
    return tuple(rules)


def _size(value: Any) -> int:
    """Length as Java counts it: UTF-16 units of a text, bytes of a blob, elements of a list or map."""
    return len(value.encode("utf-16-le")) // 2 if isinstance(value, str) else len(value)


def _problem(shown: str, path: str, rule: str) -> str:
    return f"Value {shown} at '{path}' failed to satisfy constraint: {rule}"


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, list):
        text = f"[{', '.join(map(str, value))}]"
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{key}={item}" for key, item in value.items()) + "}"
    else:
        text = str(value)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "…"
