"""What several verbs of `iotsign device` take, and how they find their device."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import click

from iotsign.cli._output import warn

if TYPE_CHECKING:
    from iotsign.device import Board, SmpClient

_Function = TypeVar("_Function", bound=Callable[..., Any])
_TIMEOUT_S: Final = 10.0


def board_option(function: _Function) -> _Function:
    """Add ``-b``."""
    words = "The board: its id, or a board.toml file; `iotsign board list` names them."
    return click.option("-b", "--board", "board_name", metavar="BOARD", shell_complete=complete_board, help=words)(
        function
    )


@dataclass(frozen=True, slots=True)
class Line:
    """Which device, and how to reach it.

    Attributes:
        board: What ``--board`` names; None if it was not given.
        port: What ``--port`` names.
        baud: What ``--baud`` says.
        timeout_s: How long to wait for the boot loader.
    """

    board: str | None
    port: str | None
    baud: int | None
    timeout_s: float


def line_options(function: _Function) -> _Function:
    """Add ``-b``, ``--port``, ``--baud`` and ``--timeout``; the verb gets a `Line` as ``line``."""
    timeout = click.option(
        "--timeout",
        type=click.FloatRange(min=0.1),
        default=_TIMEOUT_S,
        show_default=True,
        metavar="SECONDS",
        help="How long to wait for the boot loader to answer.",
    )
    return silent_line_options(timeout(function))


def silent_line_options(function: _Function) -> _Function:
    """Add ``-b``, ``--port`` and ``--baud``, for a verb that asks the device nothing; it gets a `Line` as ``line``."""

    @functools.wraps(function)
    def verb(
        board_name: str | None, port: str | None, baud: int | None, timeout: float = _TIMEOUT_S, **given: Any
    ) -> Any:
        return function(line=Line(board_name, port, baud, timeout), **given)

    for option in (
        click.option("--baud", type=click.IntRange(min=300), metavar="BAUD", help="By default what the board has."),
        click.option("--port", metavar="PORT", help="/dev/ttyACM0, /dev/pts/3, socket://host:port or "
                     "rfc2217://host:port, or a debug probe's serial number; by default the emulated board that runs."),
        board_option,
    ):  # fmt: skip
        verb = option(verb)
    return cast("_Function", verb)


def provisioning_options(function: _Function) -> _Function:
    """Add what `provisioning_page` makes a page of."""
    for option in (
        click.option("--attest-key", metavar="FILE", help="32 secret bytes that key the device's attestations."),
        click.option("--device-id", metavar="NAME", default="", help="The name of this one device."),
        click.option("--code-signer", metavar="PUB.pem", help="The key that signs updates (signed objects)."),
        click.option("--boot-key", metavar="PUB.pem", multiple=True, help="A key that signs boot images; up to four."),
    ):
        function = option(function)
    return function


def provisioning_page(given: dict[str, Any]) -> bytes:
    """Make a provisioning page of what `provisioning_options` took from the command line.

    Raises:
        ConfigError: There is no boot key, or a member does not fit.
        KeyFamilyError: A key cannot be read.
        StoreError: The attestation key cannot be read.
    """
    from iotsign.app import read_small_file
    from iotsign.cli._files import source_of
    from iotsign.device.provisioning import ATTEST_KEY_SIZE, Provisioning
    from iotsign.keys import load_public_key

    attest_key = read_small_file(source_of(given["attest_key"]), ATTEST_KEY_SIZE) if given["attest_key"] else b""
    return Provisioning(
        boot_keys=[load_public_key(key).spki_der for key in given["boot_key"]],
        code_signer=load_public_key(given["code_signer"]).spki_der if given["code_signer"] else b"",
        device_id=given["device_id"],
        attest_key=attest_key,
    ).to_bytes()


def complete_board(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    """Offer the ids of boards to the shell."""
    from iotsign.device import list_boards
    from iotsign.errors import ConfigError

    try:
        return [board.board_id for board in list_boards() if board.board_id.startswith(incomplete)]
    except ConfigError:
        return []


def find_line(line: Line) -> "tuple[Board, str]":
    """Give the board that was named, and the port to it.

    Raises:
        ConfigError: There is no such board.
        DeviceError: No port was given, and not exactly one such board is emulated just now.
    """
    from iotsign.device import find_board, running_boards
    from iotsign.errors import DeviceError

    board = find_board(line.board) if line.board else None
    if line.port is not None:
        if board is None:
            raise click.UsageError("say which board is at --port, with --board", click.get_current_context())
        return board, line.port
    if board is not None and board.qemu is None:
        message = f"{board.board_id} is a real board; say which port it is at"
        raise DeviceError("NoPort", message, board=board.board_id, hint="give it with --port")
    running = [one for one in running_boards() if board is None or one.board == board.board_id]
    if len(running) == 1:
        return board or find_board(running[0].board), running[0].port
    what = board.board_id if board else "board"
    if not running:
        hint = f"start one: iotsign board start {board.board_id if board else 'BOARD'}; or give --port"
        raise DeviceError("NoPort", f"no emulated {what} runs, and no port was given", hint=hint)
    ports = ", ".join(f"{one.port} ({one.board})" for one in running)
    raise DeviceError("NoPort", f"{len(running)} emulated boards run; say which one", hint=f"--port: {ports}")


@contextmanager
def device_line(line: Line) -> "Iterator[tuple[Board, SmpClient]]":
    """Open the line to a device.

    Raises:
        DeviceError: It cannot be found or opened.
    """
    from iotsign.device import SerialTransport, SmpClient

    board, port = find_line(line)
    rate = line.baud or board.baud
    with SmpClient(SerialTransport(port, rate), baud=rate) as client:
        yield board, client


@contextmanager
def reached_device(line: Line) -> "Iterator[tuple[Board, SmpClient]]":
    """Reach the boot loader of a device, check that it is the board, and leave it as it was found.

    Raises:
        DeviceError: It cannot be reached.
        WrongBoardError: It is another board.
    """
    from iotsign.app import check_identity

    with device_line(line) as (board, client):
        try:
            client.connect(line.timeout_s)
            check_identity(client, board)
            yield board, client
        finally:
            leave_as_found(client)


def leave_as_found(client: "SmpClient") -> None:
    """Start again what ran before the boot loader was reached; but never what runs on trial, for that would revert."""
    from iotsign.errors import DeviceError

    if not client.interrupted:
        return
    try:
        on_trial = any(image.active and not image.confirmed for image in client.images())
        if on_trial:
            warn("the image runs on trial: the device stays in its boot loader; `device confirm` keeps the image, "
                 "`device reset` goes back to the one before")  # fmt: skip
        else:
            client.reset()
    except DeviceError:
        return  # the line is gone; the error that is under way says more
