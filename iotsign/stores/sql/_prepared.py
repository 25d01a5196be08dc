"""Statements as the driver takes them.

SQLAlchemy writes the SQL, once for each kind of database; running it is then up to the driver alone, because what
SQLAlchemy does around a statement takes longer than most statements do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Dialect, Executable


@dataclass(frozen=True, slots=True)
class _Text:
    sql: str
    names: tuple[str, ...]  # of the parameters, in order
    given: Mapping[str, Any]  # values that the statement itself brings
    by_name: bool

    def arguments(self, values: Mapping[str, Any]) -> Any:
        found = {**self.given, **values} if self.given else values
        return {name: found[name] for name in self.names} if self.by_name else [found[name] for name in self.names]


class Prepared:
    """A statement.

    Args:
        statement: Its parameters are `sqlalchemy.bindparam`, or have their values.
    """

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._texts: dict[str, _Text] = {}

    def run(self, cursor: Any, dialect: Dialect, values: Mapping[str, Any]) -> Any:
        """Run it on a cursor of the driver's, and give the cursor."""
        text = self._texts.get(dialect.name)
        if text is None:
            text = self._texts[dialect.name] = _compile(self._statement, dialect)
        cursor.execute(text.sql, text.arguments(values))
        return cursor


def _compile(statement: Any, dialect: Dialect) -> _Text:
    compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    given = {name: value for name, value in compiled.params.items() if value is not None}
    names = compiled.params if compiled.positiontup is None else compiled.positiontup
    return _Text(str(compiled), tuple(names), given, compiled.positiontup is None)
