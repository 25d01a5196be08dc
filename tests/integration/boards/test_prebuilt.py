"""What lies in boards/prebuilt is what the sources give, bit for bit, wherever they are built."""

import hashlib
import subprocess

import pytest
from boot_bench import Bench
from emulated_boards import BOARDS, CORES

PREBUILT = BOARDS / "prebuilt"
FILES = ("bootloader.elf", "confirming.bin", "unconfirmed.bin")


@pytest.mark.parametrize("file", FILES)
def test_prebuilt_file_is_what_the_sources_give(bench: Bench, file: str) -> None:
    compiler = CORES[bench.board.core][0]
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    if version not in (PREBUILT / "compilers.txt").read_text().splitlines():
        pytest.skip(f"made by another compiler than {version}")
    committed = (PREBUILT / bench.board.board_id / file).read_bytes()
    assert committed == (bench.build / file).read_bytes(), "`make -C boards prebuilt` renews it"


def test_sums_are_those_of_the_files() -> None:
    lines = (PREBUILT / "SHA256SUMS").read_text().splitlines()
    sums = {path: hashlib.sha256((PREBUILT / path).read_bytes()).hexdigest() for _, path in (x.split() for x in lines)}
    assert lines == [f"{sums[path]}  {path}" for path in sorted(sums)]
    assert sums.keys() == {str(path.relative_to(PREBUILT)) for path in PREBUILT.glob("*/*")}
