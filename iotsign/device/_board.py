"""Board descriptors: what a board is, where its slots lie, how it is reached.

A descriptor is a file ``board.toml`` in a folder named after the board; `docs/device.md` is the reference.
"""

import difflib
import itertools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from iotsign.errors import ConfigError
from iotsign.strict_toml import Table, read_toml

__all__ = ["Area", "Board", "Flash", "FlasherSettings", "Qemu", "board_directories", "find_board", "list_boards"]

FILE_NAME: Final = "board.toml"
PATH_VARIABLE: Final = "IOTSIGN_BOARD_PATH"

_LARGEST_FLASH: Final = 0xFFFFFFFF  # bytes that 32-bit addresses reach
_LARGEST_BAUD: Final = 4_000_000
_PROVISIONING_SECTORS: Final = 3  # the page, and two of counter records
_ROOT_KEYS: Final = ("id", "name", "core", "platforms", "flash", "slots", "transport", "flasher", "qemu")
_SLOTS: Final = ("primary", "secondary", "scratch", "provisioning")
_FLASHERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "esptool": ("chip", "address", "size"),
        "pyocd": ("target", "address", "size"),
        "openocd": ("scripts", "address", "size"),
    }
)


@dataclass(frozen=True, slots=True)
class Area:
    """A part of the flash.

    Attributes:
        offset: Bytes from the start of the flash.
        size: Bytes; whole sectors.
    """

    offset: int
    size: int

    @property
    def end(self) -> int:
        """The offset behind the last byte."""
        return self.offset + self.size


@dataclass(frozen=True, slots=True)
class Flash:
    """The flash and what lies where in it; see bootloader/flash.h.

    Attributes:
        size: Bytes of the whole device.
        base: The address where it is mapped; None if it is not.
        sector_size: What an erase takes, in bytes.
        write_size: What a write takes, in bytes: 1, 2, 4 or 8.
        primary: The slot that runs.
        secondary: The slot where updates arrive.
        scratch: Where a swap keeps a sector.
        provisioning: The provisioning page and the security counter.
    """

    size: int
    base: int | None
    sector_size: int
    write_size: int
    primary: Area
    secondary: Area
    scratch: Area
    provisioning: Area


@dataclass(frozen=True, slots=True)
class Qemu:
    """How QEMU runs the board.

    Attributes:
        machine: QEMU's name of it.
        command: The command line with ``{bootloader}`` and ``{flash}``; serial line and control are added to it.
        flash_file_size: Bytes of the flash image file.
        persistent: QEMU keeps the flash in the file; otherwise it is loaded at the start and saved at the end.
    """

    machine: str
    command: tuple[str, ...]
    flash_file_size: int
    persistent: bool


@dataclass(frozen=True, slots=True)
class FlasherSettings:
    """A program that writes images to a board that speaks no SMP.

    Attributes:
        kind: ``esptool``, ``pyocd`` or ``openocd``.
        address: Where the image goes, in bytes.
        size: The largest image, in bytes.
        target: esptool's chip or pyOCD's target; empty for OpenOCD.
        scripts: OpenOCD's configuration scripts.
    """

    kind: str
    address: int
    size: int
    target: str = ""
    scripts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """One kind of board.

    Attributes:
        board_id: Its id, which its boot loader reports.
        name: What people call it.
        core: The processor core.
        platforms: Ids of the signing platforms whose images it takes.
        flash: Its flash; None if a foreign flasher writes it.
        flasher: The program that writes it; None if its boot loader speaks SMP.
        baud: Bits per second of the serial line.
        qemu: How to emulate it; None for a real board.
        file: The descriptor.
    """

    board_id: str
    name: str
    core: str
    platforms: tuple[str, ...]
    flash: Flash | None
    flasher: FlasherSettings | None
    baud: int
    qemu: Qemu | None
    file: Path

    @classmethod
    def from_file(cls, file: Path) -> "Board":
        """Read one descriptor.

        Raises:
            ConfigError: The file cannot be read, is not TOML, has an unknown, missing or mistyped key, or areas that
                do not fit the flash or each other. The message names the file and the key.
        """
        root = Table(read_toml(file), _ROOT_KEYS, file=str(file))
        board_id = root.text("id")
        if board_id != file.absolute().parent.name:
            expected = file.absolute().parent.name
            raise root.error("IdIsNotFolder", "id", f"expected the folder's name {expected!r}, got {board_id!r}")
        transport = root.table("transport", ("kind", "baud"))
        if transport.text("kind") != "serial":
            raise transport.error("UnknownValue", "kind", f"expected 'serial', got {transport.text('kind')!r}")
        platforms = root.texts("platforms")
        if not platforms:
            raise root.error("EmptyValue", "platforms", "expected at least one platform")
        foreign = "flasher" in root
        if foreign and ("flash" in root or "slots" in root):
            raise root.error("Contradiction", "flasher", "a board with a flasher of its own has no flash and no slots")
        return cls(
            board_id=board_id,
            name=root.text("name"),
            core=root.text("core"),
            platforms=platforms,
            flash=None if foreign else _flash(root),
            flasher=_flasher(root) if foreign else None,
            baud=transport.integer("baud", 300, _LARGEST_BAUD),
            qemu=_qemu(root) if "qemu" in root else None,
            file=file,
        )

    @property
    def bootloader(self) -> Path | None:
        """The boot loader's ELF file: built, or else prebuilt; None if it is neither."""
        folder = self.file.absolute().parent
        places = (
            folder.parents[1] / "build" / "boards" / self.board_id,
            folder.parent / "prebuilt" / self.board_id,
            folder,
        )
        return next((place / "bootloader.elf" for place in places if (place / "bootloader.elf").is_file()), None)

    @property
    def capacity(self) -> int:
        """The largest file that may be written to it, in bytes."""
        return self.flasher.size if self.flasher else self.flash.secondary.size if self.flash else 0


def _flash(root: Table) -> Flash:
    table = root.table("flash", ("size", "base", "sector_size", "write_size"))
    size = table.integer("size", 1, _LARGEST_FLASH)
    sector = table.integer("sector_size", 1, size)
    write = table.integer("write_size", 1, 8)
    if write not in (1, 2, 4, 8):
        raise table.error("ValueOutOfRange", "write_size", f"expected 1, 2, 4 or 8, got {write}")
    base = table.integer("base", 0, _LARGEST_FLASH) if "base" in table else None
    slots = root.table("slots", _SLOTS)
    areas = {name: _area(slots, name, size, sector) for name in _SLOTS}
    ordered = sorted(areas.items(), key=lambda item: item[1].offset)
    for (before, first), (name, second) in itertools.pairwise(ordered):
        if first.end > second.offset:
            raise slots.error("AreasOverlap", name, f"begins at {second.offset:#x}, in {before}")
    if areas["primary"].size != areas["secondary"].size:
        sizes = f"{areas['primary'].size:#x} and {areas['secondary'].size:#x}"
        raise slots.error("SlotsDiffer", "secondary", f"expected slots of one size, got {sizes}")
    if areas["provisioning"].size < _PROVISIONING_SECTORS * sector:
        raise slots.error("AreaTooSmall", "provisioning", f"expected {_PROVISIONING_SECTORS} sectors of {sector}")
    return Flash(size, base, sector, write, **areas)


def _area(slots: Table, name: str, flash_size: int, sector: int) -> Area:
    table = slots.table(name, ("offset", "size"))
    area = Area(table.integer("offset", 0, flash_size), table.integer("size", sector, flash_size))
    if area.offset % sector or area.size % sector:
        raise slots.error("NotWholeSectors", name, f"expected whole sectors of {sector} bytes")
    if area.end > flash_size:
        raise slots.error("BeyondFlash", name, f"ends at {area.end:#x}, the flash at {flash_size:#x}")
    return area


def _qemu(root: Table) -> Qemu:
    table = root.table("qemu", ("machine", "command", "flash_file_size", "persistent"))
    values = table.texts("command")
    if not any("{bootloader}" in word for word in values) or not values:
        raise table.error("NoBootloader", "command", "expected {bootloader} in it")
    return Qemu(
        machine=table.text("machine"),
        command=values,
        flash_file_size=table.integer("flash_file_size", 1, _LARGEST_FLASH),
        persistent=table.flag("persistent"),
    )


def _flasher(root: Table) -> FlasherSettings:
    table = root.table("flasher", ("kind", "chip", "target", "scripts", "address", "size"))
    kind = table.text("kind")
    if kind not in _FLASHERS:
        raise table.error("UnknownValue", "kind", f"expected one of {', '.join(_FLASHERS)}; got {kind!r}")
    own = root.table("flasher", ("kind", *_FLASHERS[kind]))
    return FlasherSettings(
        kind=kind,
        address=own.integer("address", 0, _LARGEST_FLASH),
        size=own.integer("size", 1, _LARGEST_FLASH),
        target=own.text("chip") if kind == "esptool" else own.text("target") if kind == "pyocd" else "",
        scripts=own.texts("scripts") if kind == "openocd" else (),
    )


def board_directories(environment: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """List the folders where boards are looked for: those of ``IOTSIGN_BOARD_PATH``, then the source tree's own."""
    listed = [Path(part) for part in environment.get(PATH_VARIABLE, "").split(os.pathsep) if part]
    checkout = Path(__file__).absolute().parents[2] / "boards"
    return (*listed, *([checkout] if checkout.is_dir() else []))


def _files(directories: tuple[Path, ...]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for directory in directories:
        for file in sorted(directory.glob(f"*/{FILE_NAME}")):
            found.setdefault(file.parent.name, file)
    return found


def list_boards(directories: tuple[Path, ...] | None = None) -> tuple[Board, ...]:
    """Read all boards of some folders, sorted by id; the first of an id counts.

    Raises:
        ConfigError: A descriptor is wrong.
    """
    files = _files(board_directories() if directories is None else directories)
    return tuple(Board.from_file(files[board_id]) for board_id in sorted(files))


def find_board(name: str, directories: tuple[Path, ...] | None = None) -> Board:
    """Find a board by its id, or read the descriptor that a path names.

    Args:
        name: An id, or a path: whatever contains ``/`` or ends in ``.toml``.
        directories: Where to look; by default `board_directories`.

    Raises:
        ConfigError: There is no such board, or its descriptor is wrong.
    """
    if "/" in name or name.endswith(".toml"):
        path = Path(name)
        return Board.from_file(path / FILE_NAME if path.is_dir() else path)
    files = _files(board_directories() if directories is None else directories)
    if name not in files:
        near = [one for one in files if name and one.startswith(name)] or difflib.get_close_matches(name, files, 1)
        hint = f"did you mean {near[0]}?" if near else f"`iotsign board list` names them; {PATH_VARIABLE} adds folders"
        raise ConfigError("UnknownBoard", f"no board {name!r}", board=name, hint=hint)
    return Board.from_file(files[name])
