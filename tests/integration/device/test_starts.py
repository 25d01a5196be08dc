"""An emulated board always answers again, however busy the machine is: no wake-up of its emulator may be lost.

`IOTSIGN_STARTS=100` starts it as often; a few times here.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bench_board import Bench, Keys, make_key, page_of

from iotsign.device import EmulatedBoard, SmpClient, find_board, make_flash

STARTS = int(os.environ.get("IOTSIGN_STARTS", "2"))
PATIENCE_S = 30.0
BUSY = "import time\nend = time.monotonic() + 600\nwhile time.monotonic() < end: pass"


def test_a_board_that_reads_a_drive_answers_on_a_busy_machine(tmp_path: Path) -> None:
    board = find_board("lm3s6965evb")
    if board.bootloader is None or shutil.which("qemu-system-arm") is None:
        pytest.skip("needs qemu-system-arm, and the boot loader of the board")
    make_key(tmp_path / "boot.pem")
    keys = Keys(tmp_path / "boot.pem", tmp_path / "boot.pem")
    bench = Bench(board, None, keys, tmp_path, board.bootloader.parent, None)  # type: ignore[arg-type]
    make_flash(board, tmp_path / "flash", page=page_of(keys, tmp_path), image=bench.boot_image("1.0.0"))
    busy = [subprocess.Popen(["nice", "-n", "10", sys.executable, "-c", BUSY]) for _ in range(2)]
    try:
        for _ in range(STARTS):
            with EmulatedBoard(board, tmp_path / "flash") as emulated, SmpClient(emulated.open()) as client:
                assert emulated.execute("qom-get", path="/objects/heartbeat", property="interval") == 1_000_000
                for _ in range(2):
                    client.connect(PATIENCE_S)
                    assert client.images()[0].version == "1.0.0"
                    client.reset()
                assert client.wait_for_line(lambda line: line.startswith("booting"), PATIENCE_S)
    finally:
        for process in busy:
            process.kill()
            process.wait()
