"""RAM: what an image may take of it, and what the boot loader takes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from boot_bench import Bench
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection
from emulated_boards import GENEROUS_S

from iotsign.device import EmulatedBoard, SmpClient, make_flash, upload_image

KIB = 1024
RAM = 0x20000000
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


def untouched(running: EmulatedBoard, program: Path, dump: Path) -> int:
    """Bytes between static data and stack that were never used; QEMU's RAM begins as zeros."""
    symbols = symbols_of(program)
    end, top = symbols["bss_end"], symbols["stack_top"]
    assert top - RAM == 16 * KIB
    running.execute("memsave", val=end, size=top - end, filename=str(dump))
    return len(dump.read_bytes()) - len(dump.read_bytes().lstrip(b"\0"))


@pytest.fixture
def smallest(make_bench: Callable[[str, Path], Bench], tmp_path: Path) -> Bench:
    return make_bench("microbit", tmp_path)


def test_a_swap_spares_a_part_of_the_smallest_ram(smallest: Bench, tmp_path: Path) -> None:
    """Static data, and the deepest stack of verification and swap."""
    areas = {"primary": smallest.image("1.2.3+4"), "provisioning": smallest.provisioning()}
    with smallest.start(areas | {"secondary": smallest.image("2.0.0", "unconfirmed", "--pad")}) as running:
        while running.read_line() != "unconfirmed 2.0.0+0":
            pass
        assert untouched(running.emulated, smallest.build / "bootloader.elf", tmp_path / "ram") >= LEAST_SPARE


def test_recovery_spares_a_part_of_the_smallest_ram(smallest: Bench, tmp_path: Path) -> None:
    """The deepest stack of the SMP server: it verifies an image before that becomes pending."""
    image, flash = smallest.image("2.0.0"), tmp_path / "flash.img"
    make_flash(smallest.board, flash, page=smallest.provisioning())
    with EmulatedBoard(smallest.board, flash, bootloader=smallest.build / "bootloader.elf") as emulated:
        with SmpClient(emulated.open(), reply_timeout_s=GENEROUS_S) as client:
            client.connect(GENEROUS_S)
            upload_image(client, image)
            (state,) = [state for state in client.images() if state.slot == 1]
            assert state.hash is not None
            client.set_pending(state.hash)
        assert untouched(emulated, smallest.build / "bootloader.elf", tmp_path / "ram") >= LEAST_SPARE
