"""The power is cut during upload and swap: the board starts the old image or the new, and takes the update again.

Half of the cuts come at a seeded write or erase of the flash, and a seeded number of instructions into it; the others
at a seeded moment. `make kills` cuts 1,000 times; here are a few.
"""

import hashlib
import json
import os
import random
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bench_board import Bench, Keys, make_key, public_half

from iotsign.device import EmulatedBoard, SmpClient, find_board, make_flash, upload_image
from iotsign.device.provisioning import Provisioning
from iotsign.errors import DeviceError
from iotsign.keys import load_public_key

BOARDS = ["emcraft-sf2", "mps2-an385", "riscv32-virt"]
KILLS = int(os.environ.get("IOTSIGN_KILLS", "6"))
SEED = os.environ.get("IOTSIGN_KILL_SEED", "1")
REPORT = os.environ.get("IOTSIGN_KILL_REPORT")  # a file that gets one line a kill
IMAGE_SIZE = 6_000  # bytes of the application: two sectors of the smallest flash, eight blocks
OPERATIONS = {"upload": 10, "swap": 90}  # from which the cuts at an operation are chosen, counted in each phase
INSTRUCTIONS = 300
REPEATED = 5  # every so many kills, the update is done again
PATIENCE_S = 60.0

Phases = Callable[[str], None]


def update(client: SmpClient, image: bytes, begins: Phases) -> None:
    """Upload, mark and start an image, until the power goes."""
    client.connect(PATIENCE_S)
    begins("upload")
    upload_image(client, image)
    client.set_pending(next(state.hash or b"" for state in client.images() if state.slot == 1))
    client.console.clear()
    begins("swap")
    client.reset()
    assert client.wait_for_line(lambda line: line == "confirmed", PATIENCE_S), "the new image did not start"


def durations(board: EmulatedBoard, image: bytes) -> dict[str, float]:
    """How long each phase takes when nothing disturbs it."""
    began: dict[str, float] = {}
    board.start()
    with SmpClient(board.open(), reply_timeout_s=20.0) as client:
        update(client, image, lambda phase: began.__setitem__(phase, time.monotonic()))
    board.cut_power()
    return {"upload": began["swap"] - began["upload"], "swap": time.monotonic() - began["swap"]}


@pytest.mark.parametrize("name", BOARDS)
def test_a_board_survives_a_cut_anywhere(name: str, tmp_path: Path) -> None:
    # threat 26
    board = find_board(name)
    if board.qemu is None or board.bootloader is None or shutil.which(board.qemu.command[0]) is None:
        pytest.skip("needs QEMU, and the boot loader of the board")
    source = random.Random(f"{SEED} {name}")
    (tmp_path / "large.bin").write_bytes(
        (board.bootloader.parent / "confirming.bin").read_bytes().ljust(IMAGE_SIZE, b"\xa5")
    )
    make_key(tmp_path / "boot.pem")
    keys = Keys(tmp_path / "boot.pem", tmp_path / "boot.pem")
    bench = Bench(board, None, keys, tmp_path, tmp_path, None)  # type: ignore[arg-type]
    images = {version: bench.boot_image(version, "large") for version in ("1.0.0", "1.1.0")}
    digests = {hashlib.sha256(image).digest(): version for version, image in images.items()}
    page = Provisioning([load_public_key(public_half(keys.boot, tmp_path)).spki_der]).to_bytes()
    make_flash(board, tmp_path / "factory", page=page, image=images["1.0.0"])
    shutil.copy(tmp_path / "factory", tmp_path / "flash")
    emulated = EmulatedBoard(board, tmp_path / "flash")
    try:
        longest = durations(emulated, images["1.1.0"])
        for number in range(-(-KILLS // len(BOARDS))):
            shutil.copy(tmp_path / "factory", tmp_path / "flash")
            phase, kind = ("upload", "swap")[number % 2], ("operation", "moment")[number // 2 % 2]
            about = {"board": name, "phase": phase, "kind": kind}

            def cut(begun: str, about: dict[str, str] = about) -> None:
                if begun != about["phase"]:
                    return
                if about["kind"] == "moment":
                    moment = emulated.cut_power_within(longest[begun], source.getrandbits(32))
                    about["at"] = f"{moment:.3f} s"
                    return
                operation = source.randint(1, OPERATIONS[begun])
                instructions = source.choice([0, 0, source.randint(1, INSTRUCTIONS)])
                about["at"] = f"operation {operation}, instruction {instructions}"
                emulated.cut_power_at(operation, instructions=instructions)

            emulated.start()
            with SmpClient(emulated.open(), reply_timeout_s=20.0) as client:
                try:
                    update(client, images["1.1.0"], cut)
                except DeviceError:
                    assert emulated.wait_for_cut(PATIENCE_S), about
                else:
                    about["phase"] = "after"  # the update was faster
            emulated.cut_power()
            emulated.start()
            with SmpClient(emulated.open(), reply_timeout_s=20.0) as client:
                line = client.wait_for_line(lambda line: line.startswith(("booting", "refused")), PATIENCE_S)
                assert line is not None, about
                assert re.match(r"booting 1\.[01]\.0\+0", line), (about, line)
                client.connect(PATIENCE_S)
                (running,) = [slot.sha256 for slot in client.attest(bytes(16)).slots if slot.slot == 0]
                assert digests[running] == line.split()[1].removesuffix("+0"), (about, line)
                about["starts"] = line.removeprefix("booting ")
                if number % REPEATED == 0 and digests[running] == "1.0.0":
                    client.reset()
                    update(client, images["1.1.0"], lambda _: None)
                    about["then"] = "updated"
            emulated.cut_power()
            if REPORT:
                with Path(REPORT).open("a") as report:
                    report.write(json.dumps(about) + "\n")
    finally:
        emulated.stop()
