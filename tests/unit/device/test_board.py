"""Board descriptors: what is taken, what is refused, and which file and key are named."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from iotsign.device import find_board, list_boards
from iotsign.device._board import Board, board_directories
from iotsign.errors import ConfigError
from iotsign.platforms import Registry

DESCRIPTOR = """
id = "desk"
name = "A board on the desk"
core = "cortex-m4"
platforms = ["MCUboot-ECDSA-P256"]
[flash]
size = 0x100000
base = 0x10000000
sector_size = 4096
write_size = 4
[slots]
primary = { offset = 0x20000, size = 0x34000 }
secondary = { offset = 0x54000, size = 0x34000 }
scratch = { offset = 0x88000, size = 0x1000 }
provisioning = { offset = 0x89000, size = 0x3000 }
[transport]
kind = "serial"
baud = 115200
"""
QEMU = """
[qemu]
machine = "mps2-an385"
command = ["qemu-system-arm", "-kernel", "{bootloader}"]
flash_file_size = 4096
persistent = true
"""
HEAD, SLOTS = DESCRIPTOR.split("[flash]", maxsplit=1)[0], DESCRIPTOR.split("[transport]")[1]


def foreign(flasher: str) -> str:
    return f"{HEAD}[transport]{SLOTS}[flasher]\n{flasher}"


@pytest.fixture
def descriptor(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str, name: str = "desk") -> Path:
        file = tmp_path / "boards" / name / "board.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    return write


def test_a_real_board(descriptor: Callable[[str], Path]) -> None:
    board = Board.from_file(descriptor(DESCRIPTOR))
    assert (board.board_id, board.baud, board.qemu, board.flasher) == ("desk", 115200, None, None)
    assert board.flash is not None
    assert board.flash.secondary.end == 0x88000
    assert board.capacity == 0x34000
    assert board.bootloader is None


def test_the_boot_loader_is_the_built_one_before_the_prebuilt_one(descriptor: Callable[[str], Path]) -> None:
    file = descriptor(DESCRIPTOR + QEMU)
    root = file.parents[2]
    prebuilt, built = (
        root / "boards/prebuilt/desk/bootloader.elf",
        root / "build/boards/desk/bootloader.elf",
    )
    for elf in (prebuilt, built):
        elf.parent.mkdir(parents=True)
        elf.touch()
        assert Board.from_file(file).bootloader == elf


@pytest.mark.parametrize(
    ("flasher", "target"),
    [
        ('kind = "esptool"\nchip = "esp32c3"\naddress = 0x10000\nsize = 0x100000', "esp32c3"),
        ('kind = "pyocd"\ntarget = "nrf52840"\naddress = 0\nsize = 0x1000', "nrf52840"),
        ('kind = "openocd"\nscripts = ["target/nrf52.cfg"]\naddress = 0\nsize = 0x1000', ""),
    ],
)
def test_a_board_with_a_flasher(flasher: str, target: str, descriptor: Callable[[str], Path]) -> None:
    board = Board.from_file(descriptor(foreign(flasher)))
    assert board.flasher is not None
    assert board.flasher.target == target
    assert board.flash is None
    assert board.capacity == board.flasher.size


@pytest.mark.parametrize(
    ("before", "after", "code", "key"),
    [
        ('id = "desk"', 'id = "table"', "IdIsNotFolder", "id"),
        ('kind = "serial"', 'kind = "radio"', "UnknownValue", "transport.kind"),
        ('["MCUboot-ECDSA-P256"]', "[]", "EmptyValue", "platforms"),
        ("write_size = 4", "write_size = 3", "ValueOutOfRange", "flash.write_size"),
        ("write_size = 4", "write_siz = 4", "UnknownKey", "flash.write_siz"),
        ("offset = 0x54000", "offset = 0x53000", "AreasOverlap", "slots.secondary"),
        ("offset = 0x54000", "offset = 0x54004", "NotWholeSectors", "slots.secondary"),
        ("offset = 0x89000, size = 0x3000", "offset = 0xfe000, size = 0x3000", "BeyondFlash", "slots.provisioning"),
        ("offset = 0x89000, size = 0x3000", "offset = 0x89000, size = 0x2000", "AreaTooSmall", "slots.provisioning"),
        ("0x54000, size = 0x34000", "0x54000, size = 0x33000", "SlotsDiffer", "slots.secondary"),
        ("[transport]", '[flasher]\nkind = "esptool"\n[transport]', "Contradiction", "flasher"),
    ],
)
def test_contradictions(
    before: str, after: str, code: str, key: str, descriptor: Callable[[str], Path], tmp_path: Path
) -> None:
    assert before in DESCRIPTOR
    file = descriptor(DESCRIPTOR.replace(before, after))
    with pytest.raises(ConfigError, match=str(tmp_path)) as caught:
        Board.from_file(file)
    assert (caught.value.code, caught.value.data["key"]) == (code, key)


def test_an_unknown_flasher(descriptor: Callable[[str], Path]) -> None:
    with pytest.raises(ConfigError, match="expected one of esptool, pyocd, openocd"):
        Board.from_file(descriptor(foreign('kind = "magic"\naddress = 0\nsize = 1')))


def test_qemu_needs_the_boot_loader(descriptor: Callable[[str], Path]) -> None:
    with pytest.raises(ConfigError, match=r"qemu\.command: expected {bootloader}"):
        Board.from_file(descriptor(DESCRIPTOR + QEMU.replace("{bootloader}", "boot.elf")))


def test_boards_are_found_by_name_path_and_variable(
    descriptor: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = descriptor(DESCRIPTOR)
    assert find_board(str(file)) == find_board(f"{file.parent}/")
    monkeypatch.setenv("IOTSIGN_BOARD_PATH", f"{file.parents[1]}{os.pathsep}/nowhere")
    assert board_directories()[0] == file.parents[1]
    assert find_board("desk").file == file
    assert "desk" in [board.board_id for board in list_boards()]
    with pytest.raises(ConfigError, match="no board 'desc'") as caught:
        find_board("desc")
    assert caught.value.data["hint"] == "did you mean desk?"
    with pytest.raises(ConfigError, match="no board") as caught:
        find_board("desk", directories=())
    assert "board list" in caught.value.data["hint"]


def test_our_boards_take_platforms_that_exist() -> None:
    boards = list_boards()
    assert "mps2-an385" in [board.board_id for board in boards]
    known = Registry().platform_ids
    for board in boards:
        assert set(board.platforms) <= set(known)
