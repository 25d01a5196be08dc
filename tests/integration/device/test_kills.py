"""The power is cut during upload and swap, at a seeded write or erase: the board starts the old image or the new.

`make kills` cuts 1,000 times; here are a few.
"""

import hashlib
import os
import random
import re
import shutil
from pathlib import Path

import pytest
from bench_board import Bench, Keys, make_key, public_half

from iotsign.device import EmulatedBoard, SmpClient, find_board, make_flash, upload_image
from iotsign.device.provisioning import Provisioning
from iotsign.errors import DeviceError
from iotsign.keys import load_public_key

BOARDS = ["emcraft-sf2", "mps2-an385", "riscv32-virt"]
KILLS = int(os.environ.get("IOTSIGN_KILLS", "3"))
SEED = os.environ.get("IOTSIGN_KILL_SEED", "1")
OPERATIONS = 60  # an upload and a swap of a sample take about so many
PATIENCE_S = 60.0


def update(client: SmpClient, image: bytes) -> None:
    """Upload, mark and start an image, until the power goes."""
    client.connect(PATIENCE_S)
    upload_image(client, image)
    client.set_pending(next(state.hash or b"" for state in client.images() if state.slot == 1))
    client.reset()
    client.wait_for_line(lambda line: line == "confirmed", PATIENCE_S)


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_survives_a_cut_anywhere(name: str, tmp_path: Path) -> None:
    # threat 26
    board = find_board(name)
    if board.qemu is None or board.bootloader is None or shutil.which(board.qemu.command[0]) is None:
        pytest.skip("needs QEMU, and the boot loader of the board")
    make_key(tmp_path / "boot.pem")
    keys = Keys(tmp_path / "boot.pem", tmp_path / "boot.pem")
    bench = Bench(board, None, keys, tmp_path, board.bootloader.parent, None)  # type: ignore[arg-type]
    images = {version: bench.boot_image(version) for version in ("1.0.0", "1.1.0")}
    page = Provisioning([load_public_key(public_half(keys.boot, tmp_path)).spki_der]).to_bytes()
    make_flash(board, tmp_path / "factory", page=page, image=images["1.0.0"])
    digests = {hashlib.sha256(image).digest() for image in images.values()}
    source = random.Random(f"{SEED} {name}")
    for _ in range(max(KILLS // len(BOARDS), 1)):
        operation, instructions = source.randint(1, OPERATIONS), source.choice([0, 0, source.randint(1, 300)])
        shutil.copy(tmp_path / "factory", tmp_path / "flash")
        emulated = EmulatedBoard(board, tmp_path / "flash")
        try:
            emulated.start()
            with SmpClient(emulated.open(), reply_timeout_s=20.0) as client:
                emulated.cut_power_at(operation, instructions=instructions)
                try:
                    update(client, images["1.1.0"])
                except DeviceError:
                    assert emulated.wait_for_cut(PATIENCE_S), (operation, instructions)
            emulated.cut_power()
            emulated.start()
            with SmpClient(emulated.open(), reply_timeout_s=20.0) as client:
                line = client.wait_for_line(lambda line: line.startswith(("booting", "refused")), PATIENCE_S)
                assert line is not None, (operation, instructions)
                assert re.match(r"booting 1\.[01]\.0\+0", line), (operation, instructions, line)
                client.connect(PATIENCE_S)
                (running,) = [slot.sha256 for slot in client.attest(bytes(16)).slots if slot.slot == 0]
                assert running in digests, (operation, instructions)
        finally:
            emulated.stop()
