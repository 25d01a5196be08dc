"""What holds for every port: sizes and layouts."""

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from emulated_board import BOARDS, Bench, Board, all_boards

KIB = 1024


def test_boot_loader_fits(bench: Bench) -> None:
    """Code and constants, P-256 and serial recovery included."""
    with (bench.build / "bootloader.elf").open("rb") as file:
        elf = ELFFile(file)
        loaded = sum(segment["p_filesz"] for segment in elf.iter_segments() if segment["p_type"] == "PT_LOAD")
        table = elf.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        names = {symbol.name for symbol in table.iter_symbols()}
    assert loaded <= 32 * KIB, f"{bench.board.name}: {loaded} bytes"
    assert {"iotsign_smp_serve", "iotsign_p256_verify_digest"} <= names


@pytest.mark.parametrize("name", sorted(all_boards()))
def test_port_is_small(name: str) -> None:
    lines = {
        file.name: len(file.read_text().splitlines())
        for file in (BOARDS / name).iterdir()
        if file.suffix in (".c", ".h", ".S", ".ld")
    }
    assert sum(lines.values()) <= 300, lines


@pytest.mark.parametrize("name", sorted(all_boards()))
def test_layout_is_what_the_boot_loader_expects(name: str) -> None:
    board = Board(BOARDS / name / "board.toml")
    flash, slots = board.descriptor["flash"], board.slots
    sector = flash["sector_size"]
    assert board.descriptor["id"] == name
    assert slots["primary"]["size"] == slots["secondary"]["size"]
    assert (slots["scratch"]["size"], slots["provisioning"]["size"]) == (sector, 3 * sector)
    assert flash["write_size"] in (1, 2, 4, 8)
    end = 0
    for area in sorted(slots.values(), key=lambda area: area["offset"]):
        assert area["offset"] % sector == area["size"] % sector == 0
        assert end <= area["offset"]
        end = area["offset"] + area["size"]
    assert end <= flash["size"]
