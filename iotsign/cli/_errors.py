"""Errors become exit codes and words here, and nowhere else.

A person gets ``error: …`` and, where one is known, a ``hint: …`` line on stderr. With ``--json`` stderr gets one JSON
object instead: ``{"error": {"type", "code", "message", "exitCode", "hint", "data"}}``; stdout holds results only.
"""

import errno
import os
import sys
from typing import Any, Final

import click

from iotsign import errors
from iotsign.cli._output import drop_stdout, jsonable, say

INTERNAL: Final = 70
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141  # as the shell reports a program that SIGPIPE ended

# the first line that fits decides
_EXIT_CODES: Final[tuple[tuple[type[errors.IotsignError], int], ...]] = (
    (errors.UntrustedImageError, 1),
    (errors.ConfigError, 2),
    (errors.MissingDependencyError, 2),
    (errors.FormatError, 3),
    (errors.KeyFamilyError, 4),
    (errors.StoreError, 5),
    (errors.SignerError, 5),
    (errors.DeviceError, 6),
    (errors.OtaError, 6),
)


def exit_code(error: BaseException) -> int:
    """Give the exit code of an error; a verification that could not be completed takes the code of its cause."""
    if isinstance(error, errors.VerificationIncompleteError) and error.__cause__ is not None:
        return exit_code(error.__cause__)
    for kind, code in _EXIT_CODES:
        if isinstance(error, kind):
            return code
    if isinstance(error, click.ClickException):
        return 2
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        return BROKEN_PIPE
    return 5 if isinstance(error, OSError) else INTERNAL


def describe(error: BaseException) -> dict[str, Any]:
    """Say in machine-readable form what went wrong, as ``--json`` shows it."""
    code, message, hint, data = type(error).__name__, str(error), None, {}
    if isinstance(error, errors.IotsignError):
        code, message = error.code, error.message
        data = {name: value for name, value in error.data.items() if name != "hint"}
        hint = error.data.get("hint")
    elif isinstance(error, click.UsageError):
        code, message = "UsageError", error.format_message()
        hint = f"see {error.ctx.command_path} --help" if error.ctx else None
    elif isinstance(error, click.ClickException):
        message = error.format_message()
    elif isinstance(error, KeyboardInterrupt | click.Abort):
        code, message = "Interrupted", "interrupted"
    elif isinstance(error, OSError):
        code = errno.errorcode.get(error.errno or 0, "OSError")
        message = f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    else:
        message = f"internal error: {code}: {message}" if message else f"internal error: {code}"
        hint = "set IOTSIGN_TRACEBACK=1 to see where it happened, and please report it"
    about = {"type": type(error).__name__, "code": code, "message": message, "exitCode": exit_code(error)}
    return about | ({"hint": hint} if hint else {}) | ({"data": jsonable(data)} if data else {})


def report(error: BaseException, *, as_json: bool, about_file: str | None = None) -> int:
    """Report an error on stderr.

    Args:
        error: What happened.
        as_json: Print one JSON object instead of words.
        about_file: The file among several that it happened to.

    Returns:
        The exit code that it means.
    """
    about = describe(error) | ({"image": about_file} if about_file else {})
    if about["exitCode"] == BROKEN_PIPE:
        drop_stdout()
        return BROKEN_PIPE
    if os.environ.get("IOTSIGN_TRACEBACK"):
        import traceback

        traceback.print_exception(error)
    if as_json:
        import json

        print(json.dumps({"error": about}), file=sys.stderr)
    elif about["exitCode"] == INTERRUPTED:
        say("interrupted")
    else:
        named = about_file is None or about["message"].startswith(about_file)
        say(about["message"] if named else f"{about_file}: {about['message']}", label="error", colour="red")
        if "hint" in about:
            say(about["hint"], label="hint", colour="cyan")
    return int(about["exitCode"])
