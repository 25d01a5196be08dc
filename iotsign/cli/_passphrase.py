"""Where passphrases come from: a file, standard input or a person; never a flag's value."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from iotsign.cli._output import input_allowed, warn
from iotsign.errors import KeyUnavailableError

_Function = TypeVar("_Function", bound=Callable[..., Any])
_STDIN: Final = "-"
_HINT: Final = "give it with --passphrase-file FILE"
_LIMIT: Final = 4096  # bytes of a passphrase


def passphrase_option(
    name: str = "--passphrase-file", words: str = "the key's passphrase"
) -> Callable[[_Function], _Function]:
    """Add ``--passphrase-file`` to a verb; hand its value to `passphrase_source`."""
    help_ = f"Take {words} from the first line of FILE; - is standard input."
    return click.option(name, metavar="FILE", type=click.Path(allow_dash=True), help=help_)


def passphrase_source(path: str | None, what: str) -> Callable[[], bytes]:
    """Give what `open_signer` calls when the key is encrypted.

    Args:
        path: The value of ``--passphrase-file``; None to ask on the terminal.
        what: What the passphrase opens, for the question.
    """

    def source() -> bytes:
        if path is not None:
            return read_passphrase(path)
        if input_allowed():
            return str(click.prompt(f"Passphrase for {what}", hide_input=True, err=True)).encode()
        message = f"{what} is encrypted; expected a passphrase, got none"
        raise KeyUnavailableError("PassphraseNeeded", message, hint=_HINT)

    return source


def new_passphrase(path: str | None, *, ask: bool) -> bytes | None:
    """Get the passphrase of a key that is to be made.

    Args:
        path: The value of ``--passphrase-file``.
        ask: Ask for one, twice, if there is no such file.

    Returns:
        None if the key is to stay in the clear.

    Raises:
        KeyUnavailableError: The file is unreadable or its first line is empty, or there is nobody to ask.
    """
    if path is not None:
        return read_passphrase(path)
    if not ask:
        return None
    if not input_allowed():
        message = "expected a terminal to ask for a passphrase, got none"
        raise KeyUnavailableError("PassphraseNeeded", message, hint=_HINT)
    return str(click.prompt("New passphrase", hide_input=True, confirmation_prompt=True, err=True)).encode()


def read_passphrase(path: str) -> bytes:
    """Read the first line of a file, without its line end; ``-`` is standard input.

    Raises:
        KeyUnavailableError: The file is unreadable or its first line is empty.
    """
    try:
        if path == _STDIN:
            line = sys.stdin.buffer.readline(_LIMIT)
        else:
            with Path(path).open("rb") as file:
                if Path(path).stat().st_mode & 0o077:
                    warn(f"the passphrase file {path} is open to group or others; run: chmod 600 {path}")
                line = file.readline(_LIMIT)
    except OSError as error:
        message = f"cannot read the passphrase file {path!r}: {error.strerror}"
        raise KeyUnavailableError("PassphraseUnreadable", message) from None
    passphrase = line.rstrip(b"\r\n")
    if not passphrase:
        raise KeyUnavailableError(
            "PassphraseNeeded", f"expected a passphrase in the first line of {path!r}, got nothing"
        )
    return passphrase
