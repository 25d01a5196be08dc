"""Instructions of the boot loader's verification of a 256-KiB image with P-256, and its size, on every emulated board.

    python benchmarks/boot_cost.py [BOARD ...]

Counted under QEMU with `-icount shift=0`, where a guest's millisecond is a million instructions; mean of twenty
verifications, so to within 0.05 M. Reading the flash and the counter log is included. The boards' slots are enlarged
for it where they are too small; an image that a board cannot take at all is as large as it can (the size is printed).
`once` is one verification, hash and signature; `at boot` is the boot loader's decision about an image in the flash,
which reads and evaluates it twice, so that no skipped instruction decides. Boards that load images to RAM do that
again there.
"""

import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from elftools.elf.elffile import ELFFile
from measure import Row, report

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "firmware"))
from boot_bench import Bench, make_keys
from emulated_boards import BOARDS, build_board, missing_tool

from iotsign.device import Board, find_board, list_boards

KIB = 1024
IMAGE = 256 * KIB
TIMES = 20
HEADERS = 1 * KIB  # header and TLVs
LIMITS = {("mps2-an385", "once"): 12.0, ("mps2-an385", "at boot"): 12.0}
LARGEST_LOADER = 32


def enlarged(board: Board, directory: Path) -> Path:
    """A descriptor of the same board with slots for the image, if its flash has the room."""
    assert board.flash is not None
    flash, text = board.flash, board.file.read_text()
    sector = flash.sector_size
    slot = -(-(IMAGE + HEADERS) // sector) * sector + sector  # and a sector of trailer
    if flash.primary.offset + 2 * slot + 4 * sector > flash.size or flash.primary.size >= slot:
        return board.file
    at = flash.primary.offset
    for name, size in (("primary", slot), ("secondary", slot), ("scratch", sector), ("provisioning", 3 * sector)):
        text = re.sub(rf"^{name} = .*$", f"{name} = {{ offset = {at:#x}, size = {size:#x} }}", text, flags=re.MULTILINE)
        at += size
    file = directory / board.board_id / "board.toml"
    file.parent.mkdir()
    file.write_text(text)
    return file


def image_size(bench: Bench) -> int:
    """Bytes of payload: 256 KiB, or what fits the slot and the RAM that images are loaded to."""
    flash = bench.flash
    journal = flash.primary.size // flash.sector_size * 24 + 48  # trailer.h
    trailer = -(-journal // flash.sector_size) * flash.sector_size
    room = [IMAGE, flash.primary.size - trailer - HEADERS]
    settings = (BOARDS / bench.board.board_id / "board.cmake").read_text()
    if ram := re.search(r"RAM_SIZE (\w+)", settings):
        room.append(int(ram[1], 0) - HEADERS)
    return min(room)


def loader_size(build: Path) -> int:
    """Bytes of code and constants."""
    with (build / "bootloader.elf").open("rb") as file:
        segments = ELFFile(file).iter_segments()
        return sum(segment["p_filesz"] for segment in segments if segment["p_type"] == "PT_LOAD")


def measure(board: Board, directory: Path) -> Iterator[Row]:
    """Measure one board."""
    build = directory / f"build-{board.board_id}"
    toolchain = board.file.with_name("board.cmake")
    configure = ["cmake", "-S", str(BOARDS), "-B", str(build), "-G", "Ninja", f"-DCMAKE_TOOLCHAIN_FILE={toolchain}"]
    changed = enlarged(board, directory)
    for command in ([*configure, f"-DBOARD_TOML={changed}"], ["cmake", "--build", str(build), "--target", "boot_cost"]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    bench = Bench(find_board(str(changed)), build, directory, make_keys(directory))
    size = image_size(bench)
    image = bench.image("1.0.0", random.Random(0).randbytes(size))
    areas = {"primary": image, "provisioning": bench.provisioning()}
    with bench.start(areas, program="boot_cost", options=("-icount", "shift=0")) as running:
        for kind in ("once", "at boot"):
            trusted, milliseconds = map(int, running.read_line().split())
            if trusted != TIMES:
                raise SystemExit(f"{board.board_id}: {trusted} of {TIMES} verified")
            millions = milliseconds / TIMES
            print(f"{board.board_id:13} {board.core:10} {size / KIB:6.1f} KiB  {kind:8} {millions:8.2f} M instructions")
            if limit := LIMITS.get((board.board_id, kind)):
                yield Row(f"verify 256 KiB with P-256, {kind}, {board.core}", millions, limit, "M instructions")
    yield Row(f"boot loader, {board.board_id}", loader_size(build_board(board)) / KIB, LARGEST_LOADER, "KiB")


def main() -> None:
    """Measure and report."""
    names = sys.argv[1:] or [board.board_id for board in list_boards((BOARDS,)) if board.qemu]
    boards = [find_board(name) for name in names]
    if missing := [missing_tool(board) for board in boards if missing_tool(board)]:
        raise SystemExit(f"{missing[0]} is not installed")
    with tempfile.TemporaryDirectory() as directory:
        rows = [row for board in boards for row in measure(board, Path(directory))]
    report("boot_cost", rows)


if __name__ == "__main__":
    main()
