"""How large boot loader and port may be."""

import pytest
from boot_bench import Bench
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from emulated_boards import BOARDS

KIB = 1024
NAMES = sorted(path.parent.name for path in BOARDS.glob("*/port.c"))


def test_boot_loader_fits(bench: Bench) -> None:
    """Code and constants, P-256 and serial recovery included."""
    with (bench.build / "bootloader.elf").open("rb") as file:
        elf = ELFFile(file)
        loaded = sum(segment["p_filesz"] for segment in elf.iter_segments() if segment["p_type"] == "PT_LOAD")
        table = elf.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        names = {symbol.name for symbol in table.iter_symbols()}
    assert loaded <= 32 * KIB, f"{bench.board.board_id}: {loaded} bytes"
    assert {"iotsign_smp_serve", "iotsign_p256_verify_digest"} <= names


@pytest.mark.parametrize("name", NAMES)
def test_port_is_small(name: str) -> None:
    lines = {
        file.name: len(file.read_text().splitlines())
        for file in (BOARDS / name).iterdir()
        if file.suffix in (".c", ".h", ".S", ".ld")
    }
    assert sum(lines.values()) <= 300, lines
