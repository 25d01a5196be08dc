"""RAM: what an image may take of it, and what the boot loader takes."""

from collections.abc import Callable
from pathlib import Path

from boot_bench import Bench
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

KIB = 1024
LEAST_SPARE = 2 * KIB


def test_an_update_that_does_not_fit_the_ram_is_not_swapped_in(
    make_bench: Callable[[str, Path], Bench], tmp_path: Path
) -> None:
    bench = make_bench("lm3s6965evb", tmp_path)
    program = (bench.build / "confirming.bin").read_bytes()
    areas = {
        "primary": bench.image("1.2.3+4"),
        "secondary": bench.image("2.0.0", program.ljust(48 * KIB), "--pad", "--confirm"),
        "provisioning": bench.provisioning(),
    }
    with bench.start(areas) as running:
        lines = [running.read_line() for _ in range(3)]
    assert lines[1:] == ["booting 1.2.3+4 (update refused)", "confirming 1.2.3+4"]


def symbols_of(program: Path) -> dict[str, int]:
    with program.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        return {symbol.name: symbol["st_value"] for symbol in table.iter_symbols()}


def test_boot_loader_spares_a_part_of_the_smallest_ram(
    make_bench: Callable[[str, Path], Bench], tmp_path: Path
) -> None:
    """Static data and the deepest stack of a verification, a swap and recovery leave something of 16 KiB."""
    bench = make_bench("microbit", tmp_path)
    symbols = symbols_of(bench.build / "bootloader.elf")
    end, top = symbols["bss_end"], symbols["stack_top"]
    assert top - 0x20000000 == 16 * KIB
    areas = {"primary": bench.image("1.2.3+4", "unconfirmed"), "provisioning": bench.provisioning()}
    with bench.start(areas | {"secondary": bench.image("2.0.0", "unconfirmed", "--pad")}) as running:
        while running.read_line() != "unconfirmed 2.0.0+0":
            pass
        dump = tmp_path / "ram"
        running.emulated.execute("memsave", val=end, size=top - end, filename=str(dump))
    untouched = len(dump.read_bytes()) - len(dump.read_bytes().lstrip(b"\0"))  # QEMU's RAM begins as zeros
    assert untouched >= LEAST_SPARE, f"{end - 0x20000000} bytes of data, {top - end - untouched} bytes of stack"
