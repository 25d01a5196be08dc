"""What the command line prints: results on stdout, words on stderr.

A verb that prints takes `json_option`; a verb that may ask takes `no_input_option`. With ``--json`` each result is one
JSON object on one line (keys in camelCase), without it a table. Text that comes from files is made printable first:
control characters cannot reach the terminal.
"""

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, TextIO, TypeVar

import click

from iotsign.errors import StoreError

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_Function = TypeVar("_Function", bound=Callable[..., Any])

# C0 and C1 controls, and the marks that reorder text; and how they are shown
_UNPRINTABLE: Final = {
    code: chr(code).encode("unicode_escape").decode()
    for first, last in ((0x00, 0x1F), (0x7F, 0x9F), (0x200E, 0x200F), (0x202A, 0x202E), (0x2066, 0x2069))
    for code in range(first, last + 1)
}
_WIDE: Final = 10_000  # columns of a table that is not shown on a terminal: nothing is wrapped


class Invocation:
    """How this command was asked to behave.

    Attributes:
        json: Print JSON objects instead of tables.
        no_input: Never ask.
    """

    # no dataclass, here and below: making one takes a hundredth of a short command's time
    def __init__(self, *, json: bool = False, no_input: bool = False) -> None:
        self.json, self.no_input = json, no_input


def _set_flag(name: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def set_flag(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        if value:
            setattr(ctx.ensure_object(Invocation), name, True)

    return set_flag


def json_option(function: _Function) -> _Function:
    """Add ``--json`` to a verb; ask `json_wanted` for it."""
    words = "Print one JSON object a line instead of a table."
    return click.option("--json", is_flag=True, expose_value=False, callback=_set_flag("json"), help=words)(function)


def no_input_option(function: _Function) -> _Function:
    """Add ``--no-input`` to a verb; ask `input_allowed` for it."""
    words = "Never ask; fail where an answer would be needed."
    flag = _set_flag("no_input")
    return click.option("--no-input", is_flag=True, expose_value=False, callback=flag, help=words)(function)


def _invocation() -> Invocation:
    context = click.get_current_context(silent=True)
    return (context and context.find_object(Invocation)) or Invocation()


def json_wanted() -> bool:
    """Tell whether ``--json`` was given."""
    return _invocation().json


def input_allowed() -> bool:
    """Tell whether a person may be asked: a terminal on stdin and no ``--no-input``."""
    return not _invocation().no_input and sys.stdin is not None and sys.stdin.isatty()


def prepare_streams() -> None:
    """Make the standard streams able to print any file name."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def finish_output() -> None:
    """Push out what was printed, so that a full disk or a closed pipe is noticed.

    Raises:
        OSError: stdout does not take it.
    """
    if sys.stdout is not None:
        sys.stdout.flush()


def drop_stdout() -> None:
    """Forget a broken stdout, so that the interpreter does not complain about it on exit."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def printable(text: object) -> str:
    r"""Write control characters as ``\x1b``, so that a name in a file cannot drive the terminal."""
    return str(text).translate(_UNPRINTABLE)


def jsonable(value: Any) -> Any:
    """Turn a value into what JSON can hold: bytes become hex, paths and enum members their text."""
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, Enum):
        return jsonable(value.value)
    if isinstance(value, list | tuple | set | frozenset):
        return [jsonable(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value) if isinstance(value, Path) else repr(value)


def stdout() -> TextIO:
    """Give standard output.

    Raises:
        StoreError: It was closed before the command began.
    """
    if sys.stdout is None:
        raise StoreError("EBADF", "standard output is closed")
    return sys.stdout


def print_json(value: Mapping[str, Any]) -> None:
    """Print one object on one line of stdout.

    Raises:
        StoreError: stdout is closed.
    """
    import json

    click.echo(json.dumps(jsonable(value)), stdout())


def _coloured(stream: IO[str]) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (stream.isatty() and os.environ.get("TERM") != "dumb")


def say(words: str, *, label: str = "", colour: str | None = None) -> None:
    """Say something to the person, on stderr; `label` goes before it (``warning: …``), coloured on a terminal."""
    if sys.stderr is None:
        return
    if label:
        label += ": "
        if colour and _coloured(sys.stderr):
            label = click.style(label, fg=colour, bold=True)
    print(label + printable(words), file=sys.stderr)


def warn(words: str) -> None:
    """Say ``warning: …`` on stderr."""
    say(words, label="warning", colour="yellow")


def styled(text: object, style: str) -> "Styled":
    """Give a table cell in a colour."""
    return Styled(printable(text), style)


class Styled:
    """A text and how it looks where there are colours."""

    def __init__(self, text: str, style: str) -> None:
        self.text, self.style = text, style

    def __str__(self) -> str:
        return self.text


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: "str | Styled | None" = None
) -> None:
    """Print a table on stdout; cells and title are text or what `styled` gives."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not _decorated():
        _print_plain([str(title)] if title else [], _plain_table(list(columns), cells))
        return
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in cells:
        table.add_row(*map(_rich, row))
    _show(title, table)


def print_fields(fields: Iterable[tuple[str, object]], *, title: str | None = None) -> None:
    """Print names and values, one pair a line, on stdout."""
    cells = [(name, _cell(value)) for name, value in fields]
    if not _decorated():
        width = max((len(name) for name, _ in cells), default=0)
        _print_plain([title] if title else [], [f"{name:{width}}  {value}" for name, value in cells])
        return
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in cells:
        table.add_row(name, _rich(value))
    _show(title, table)


def _decorated() -> bool:
    """Tell whether somebody watches; otherwise tables are plain text, and rich, which takes its time, stays out."""
    return stdout().isatty() or _coloured(stdout())


def _cell(value: object) -> str | Styled:
    if isinstance(value, Styled):
        return value
    if isinstance(value, bytes):
        return value.hex()
    return "" if value is None else printable(value)


def _plain_table(columns: Sequence[str], rows: Sequence[Sequence[str | Styled]]) -> list[str]:
    """Lay a table out as rich does without colours: a rule under the head, no wrapping."""
    texts = [columns, *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[index]) for row in texts) for index in range(len(columns))]
    lines = [" " + "   ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)) for row in texts]
    rule = "─" * (sum(widths) + 3 * len(widths) - 1)
    return [lines[0], rule, *lines[1:]]


def _print_plain(title: Sequence[str], lines: Iterable[str]) -> None:
    click.echo("\n".join(line.rstrip() for line in [*map(printable, title), *lines]), stdout())


def _rich(cell: str | Styled) -> "str | Text":
    from rich.text import Text

    return Text(cell.text, style=cell.style) if isinstance(cell, Styled) else cell


def _show(title: "str | Styled | None", table: "Table") -> None:
    """Print on stdout, coloured: no markup, no guessing."""
    from rich.console import Console
    from rich.text import Text

    tty = stdout().isatty()
    console = Console(file=stdout(), markup=False, emoji=False, highlight=False, width=None if tty else _WIDE)
    if title:
        console.print(_rich(title) if isinstance(title, Styled) else Text(printable(title), style="bold"))
    console.print(table)
