"""File names on the command line: ``-`` is a standard stream."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iotsign.cli._output import json_wanted, stdout
from iotsign.errors import StoreError

if TYPE_CHECKING:
    from iotsign.app import Source, Target

_STREAM = "-"


def source_of(name: str) -> "Source":
    """Give the input that a name means.

    Raises:
        StoreError: Standard input is wanted and closed.
    """
    if name != _STREAM:
        return Path(name)
    if sys.stdin is None:
        raise StoreError("EBADF", "standard input is closed")
    return sys.stdin.buffer


def target_of(name: str) -> "Target":
    """Give the output that a name means.

    Raises:
        click.UsageError: Standard output is wanted for JSON too, or is a terminal.
        StoreError: Standard output is wanted and closed.
    """
    if name != _STREAM:
        return Path(name)
    if json_wanted():
        raise click.UsageError("standard output cannot take both the output and --json", click.get_current_context())
    if stdout().isatty():
        raise click.UsageError("this is not for a terminal; redirect it or give a file", click.get_current_context())
    return stdout().buffer


def size_of(name: str) -> int | None:
    """Give a file's size in bytes for a progress bar; None if it is unknown."""
    path = Path(name)
    return path.stat().st_size if name != _STREAM and path.is_file() else None


def sizes_of(names: Iterable[str]) -> int:
    """Give the size of several files together in bytes; what is unknown counts nothing."""
    return sum(size_of(name) or 0 for name in names)
