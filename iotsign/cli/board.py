"""`iotsign board`: the boards that are known, and emulated ones to start."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iotsign.cli._device_options import complete_board, provisioning_options, provisioning_page
from iotsign.cli._device_report import spaced
from iotsign.cli._files import source_of
from iotsign.cli._output import finish_output, json_option, json_wanted, print_fields, print_json, print_table, say

if TYPE_CHECKING:
    from iotsign.device import Board

_LARGEST_PAGE = 1024


@click.group()
def board() -> None:
    """Look at boards, and start emulated ones."""


def _about(one: "Board") -> dict[str, Any]:
    about: dict[str, Any] = {
        "id": one.board_id,
        "name": one.name,
        "core": one.core,
        "platforms": one.platforms,
        "flashedBy": one.flasher.kind if one.flasher else "smp",
        "capacity": one.capacity,
        "baud": one.baud,
        "emulator": one.qemu.machine if one.qemu else None,
        "bootloader": one.bootloader,
        "file": one.file,
    }
    if one.flash is not None:
        flash = one.flash
        about |= {"flashSize": flash.size, "sectorSize": flash.sector_size, "writeSize": flash.write_size}
        for name in ("primary", "secondary", "scratch", "provisioning"):
            area = getattr(flash, name)
            about[name] = {"offset": area.offset, "size": area.size}
    return about


@board.command("list", short_help="List the boards.")
@json_option
def list_() -> None:
    """List the boards that are known, and the ports of emulated ones that run."""
    from iotsign.device import list_boards, running_boards

    running = running_boards()
    boards = [(one, [run.port for run in running if run.board == one.board_id]) for one in list_boards()]
    if json_wanted():
        for one, ports in boards:
            print_json(_about(one) | {"ports": ports})
        return
    rows = [
        [one.board_id, one.name, one.core, "yes" if one.qemu else "no", ", ".join(one.platforms), ", ".join(ports)]
        for one, ports in boards
    ]
    print_table(["board", "name", "core", "emulated", "platforms", "running at"], rows)


@board.command(short_help="Show a board.")
@click.argument("name", metavar="BOARD", shell_complete=complete_board)
@json_option
def show(name: str) -> None:
    """Show what BOARD is, where its slots lie and how it is reached."""
    from iotsign.device import find_board

    about = _about(find_board(name))
    if json_wanted():
        print_json(about)
        return
    fields = []
    for key, value in about.items():
        if isinstance(value, dict):
            text = f"{value['offset']:#x}, {value['size'] // 1024} KiB"
        elif isinstance(value, tuple):
            text = ", ".join(value)
        else:
            text = "none" if value is None else str(value)
        fields.append((spaced(key), text))
    print_fields(fields)


@board.command(short_help="Start an emulated board.")
@click.argument("name", metavar="BOARD", shell_complete=complete_board)
@click.option("--flash", "flash_file", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
              help="Its flash, made if it is not there; by default one that is thrown away.")  # fmt: skip
@click.option("--erase", is_flag=True, help="Begin with a new flash even if FILE is there.")
@click.option("--provision", "page_file", metavar="PAGE", help="A page of `iotsign device provision`, for a new flash.")
@provisioning_options
@click.option("--image", metavar="IMAGE", help="A signed image for the primary slot of a new flash.")
@click.option("--bootloader", metavar="ELF", type=click.Path(dir_okay=False, exists=True, path_type=Path),
              help="Another boot loader.")  # fmt: skip
@click.option("--pty", is_flag=True, help="Offer a pseudo-terminal, for programs that open serial ports only.")
@json_option
def start(name: str, flash_file: Path | None, erase: bool, pty: bool, **given: Any) -> None:
    """Start an emulated BOARD and keep it running until Ctrl-C.

    It prints the port; other commands find it by themselves. A new flash is provisioned with --provision, or with the
    keys given here.

    \b
    Example:
      iotsign board start mps2-an385 --boot-key boot.pub.pem --image app.img --flash desk.flash
    """
    from iotsign.device import EmulatedBoard, PtyRelay, RunningBoard, announced, find_board, make_flash
    from iotsign.errors import DeviceError

    kind = find_board(name)
    with _flash_path(flash_file) as path:
        emulated = EmulatedBoard(kind, path, bootloader=given["bootloader"])
        with contextlib.ExitStack() as stack:
            stack.callback(emulated.stop)
            if erase or not path.exists():
                make_flash(kind, path, page=_page(given), image=_factory_image(given["image"]))
            elif given["image"] or given["page_file"] or given["boot_key"]:
                message = "the flash is there already; --erase makes a new one"
                raise click.UsageError(message, click.get_current_context())
            emulated.start()
            port = emulated.port
            if pty:
                relay = PtyRelay(port)
                stack.callback(relay.close)
                port = relay.port
            stack.enter_context(announced(RunningBoard(kind.board_id, port, str(path.absolute()), emulated.pid)))
            _announce(kind, port, str(path), emulated.pid)
            code = emulated.wait()
            message = f"QEMU ended with exit code {code}: {emulated.complaint()}"
            raise DeviceError("QemuEnded", message, board=kind.board_id)


@contextlib.contextmanager
def _flash_path(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="iotsign-") as directory:
        yield Path(directory) / "flash"


def _page(given: dict[str, Any]) -> bytes:
    from iotsign.app import read_small_file

    if given["page_file"]:
        return read_small_file(source_of(given["page_file"]), _LARGEST_PAGE)
    named = given["boot_key"] or given["code_signer"] or given["device_id"] or given["attest_key"]
    return provisioning_page(given) if named else b""


def _factory_image(name: str | None) -> bytes:
    if name is None:
        return b""
    from iotsign.app import read_small_file

    return read_small_file(source_of(name), 1 << 24)


def _announce(kind: "Board", port: str, flash: str, pid: int) -> None:
    if json_wanted():
        print_json({"board": kind.board_id, "port": port, "flash": flash, "pid": pid})
    else:
        print_fields([("board", kind.board_id), ("port", port), ("flash", flash)])
        say("it runs until Ctrl-C")
    finish_output()
