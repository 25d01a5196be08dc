"""TOML read strictly: an unknown key, a missing key or a wrong type is an error that names file and key.

Platform descriptors and configuration files go through this one reader. It never guesses: a misspelled key is refused
with the nearest known one, because a key that is silently ignored is a setting that somebody believes in.
"""

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from iotsign.errors import ConfigError

MAX_FILE_SIZE: Final = 1 << 20
"""The longest file that is read, in bytes; a descriptor has about a thousand."""

_TYPE_NAMES: Final = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "float",
    list: "array",
    dict: "table",
}


class Table:
    """One table of a TOML file, whose keys are taken out by type.

    Attributes:
        file: The file's name as the user gave it.
        path: The dotted key of this table; empty for the file's root.
    """

    def __init__(self, values: dict[str, Any], known: Collection[str], *, file: str, path: str = "") -> None:
        """Take over a table.

        Raises:
            ConfigError: The table has a key that is not in ``known``.
        """
        self.file = file
        self.path = path
        self._values = values
        for key in values:
            if key not in known:
                import difflib

                near = difflib.get_close_matches(key, known, 1)
                names = ", ".join(sorted(known)) or "none"
                hint = f"did you mean {near[0]!r}?" if near else f"known: {names}"
                raise self.error("UnknownKey", key, "unknown key", hint=hint)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def text(self, key: str, default: str | None = None) -> str:
        """The non-empty string at ``key``, or the default where there is one and no such key.

        Raises:
            ConfigError: It is missing, empty or no string.
        """
        if default is not None and key not in self:
            return default
        value: str = self._get(key, str)
        if not value:
            raise self.error("EmptyValue", key, "expected a non-empty string")
        return value

    def integer(self, key: str, minimum: int, maximum: int) -> int:
        """The integer at ``key``, within ``minimum``..``maximum`` inclusive.

        Raises:
            ConfigError: It is missing, no integer, or out of range.
        """
        value: int = self._get(key, int)
        if not minimum <= value <= maximum:
            raise self.error("ValueOutOfRange", key, f"expected {minimum}..{maximum}, got {value}")
        return value

    def flag(self, key: str) -> bool:
        """The boolean at ``key``.

        Raises:
            ConfigError: It is missing or no boolean.
        """
        value: bool = self._get(key, bool)
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """The array of different, non-empty strings at ``key``, which may be empty; or the default, as for `text`.

        Raises:
            ConfigError: It is missing, no array, holds something else than strings, or one of them twice.
        """
        if default is not None and key not in self:
            return default
        values: list[object] = self._get(key, list)
        found: list[str] = []
        for position, value in enumerate(values):
            if not isinstance(value, str) or not value:
                kind = "an empty string" if value == "" else _type_name(value)
                raise self.error("WrongType", f"{key}[{position}]", f"expected a non-empty string, got {kind}")
            if value in found:
                raise self.error("DuplicateValue", f"{key}[{position}]", f"{value!r} is there twice")
            found.append(value)
        return tuple(found)

    def table(self, key: str, known: Collection[str], *, optional: bool = False) -> "Table":
        """The table at ``key``; an empty one if it is optional and missing.

        Raises:
            ConfigError: It is missing, no table, or has a key that is not in ``known``.
        """
        values = {} if optional and key not in self else self._get(key, dict)
        return Table(values, known, file=self.file, path=self._dotted(key))

    def error(self, code: str, key: str, problem: str, **data: str) -> ConfigError:
        """Make the error that names this file and ``key``."""
        dotted = self._dotted(key)
        return ConfigError(code, f"{self.file}: {dotted}: {problem}", file=self.file, key=dotted, **data)

    def _dotted(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def _get(self, key: str, wanted: type) -> Any:
        if key not in self._values:
            raise self.error("MissingKey", key, f"required {_TYPE_NAMES[wanted]} is missing")
        value = self._values[key]
        if type(value) is not wanted:  # an exact match, because to Python True is an integer
            raise self.error("WrongType", key, f"expected {_TYPE_NAMES[wanted]}, got {_type_name(value)}")
        return value


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML 1.0 file of at most `MAX_FILE_SIZE` bytes.

    Raises:
        ConfigError: The file cannot be read, is too long, is not UTF-8 or not TOML.
    """
    file = str(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_FILE_SIZE + 1)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError("FileUnreadable", f"{file}: cannot be read: {reason}", file=file) from None
    if len(content) > MAX_FILE_SIZE:
        raise ConfigError("FileTooLong", f"{file}: expected at most {MAX_FILE_SIZE} bytes of TOML, got more", file=file)
    try:
        return tomllib.loads(content.decode())
    except UnicodeDecodeError as error:
        raise ConfigError(
            "NotUtf8", f"{file}: expected UTF-8, got a stray byte at offset {error.start}", file=file
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError("NotToml", f"{file}: expected TOML: {error}", file=file) from None
    except (RecursionError, ValueError) as error:  # nesting or digits beyond what Python's own parser takes
        raise ConfigError("NotToml", f"{file}: expected TOML: {error}", file=file) from None


def _type_name(value: object) -> str:
    return _TYPE_NAMES.get(type(value), type(value).__name__)
