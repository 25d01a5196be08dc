"""An image on trial that hangs: where the board has a watchdog, nobody needs to press reset."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from boot_bench import Bench
from emulated_boards import BOARDS

WATCHED = [
    path.parent.name
    for path in sorted(BOARDS.glob("*/port.c"))
    if "void iotsign_board_watchdog(" in path.read_text(encoding="utf-8")
]
# guest time runs as fast as the emulator can when the processor sleeps
HURRY = ("-icount", "shift=7,sleep=off")


@pytest.mark.parametrize("name", WATCHED)
def test_watchdog_reverts_what_does_not_confirm(
    name: str, make_bench: Callable[[str, Path], Bench], tmp_path: Path
) -> None:
    bench = make_bench(name, tmp_path)
    areas = {"primary": bench.image("1.2.3+4"), "secondary": bench.image("2.0.0", "unconfirmed")}
    areas["provisioning"] = bench.provisioning()
    with bench.start(areas, pending=True, options=HURRY) as running:
        said = [running.read_line() for _ in range(6)]
    assert said[1:3] == ["booting 2.0.0+0 (on trial)", "unconfirmed 2.0.0+0"]
    assert said[4:] == ["booting 1.2.3+4 (reverted)", "confirming 1.2.3+4"]


@pytest.mark.parametrize("name", WATCHED)
def test_watchdog_leaves_alone_what_confirms(
    name: str, make_bench: Callable[[str, Path], Bench], tmp_path: Path
) -> None:
    bench = make_bench(name, tmp_path)
    areas = {"primary": bench.image("1.2.3+4"), "secondary": bench.image("2.0.0"), "provisioning": bench.provisioning()}
    with bench.start(areas, pending=True, options=HURRY) as running:
        assert [running.read_line() for _ in range(4)][3] == "confirmed"
        time.sleep(1)  # more guest time than the watchdog has
        running.send(b"\x06\x09")
        assert [running.read_line() for _ in range(2)][1] == "recovery"
