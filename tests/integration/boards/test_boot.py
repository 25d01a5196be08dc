"""What each board starts, from images that imgtool 2.5 signed: updates on trial, confirmation, revert, recovery."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from boot_bench import Bench
from emulated_boards import Line

BANNER = "iotsign boot 1.0.0 {board}"
SMP_START = b"\x06\x09"


def line_of(running: Line) -> str:
    """The next line that is not empty."""
    return running.read_line() or line_of(running)


def starts(running: Line, bench: Bench, *lines: str) -> None:
    """The board resets and says these lines."""
    for expected in (BANNER.format(board=bench.board.board_id), *lines):
        assert line_of(running) == expected


def installed(bench: Bench) -> dict[str, bytes]:
    """The areas of a device that runs version 1.2.3+4."""
    return {"primary": bench.image("1.2.3+4"), "provisioning": bench.provisioning()}


OLD = ("booting 1.2.3+4", "confirming 1.2.3+4", "confirmed")


def test_image_boots_each_time(bench: Bench) -> None:
    with bench.start(installed(bench)) as running:
        starts(running, bench, *OLD)
        running.emulated.reset()
        starts(running, bench, *OLD)


def test_confirmed_update_stays(bench: Bench) -> None:
    # imgtool itself makes it pending: --pad writes the trailer
    areas = installed(bench) | {"secondary": bench.image("2.0.0", "confirming", "--pad")}
    with bench.start(areas) as running:
        starts(running, bench, "booting 2.0.0+0 (on trial)", "confirming 2.0.0+0", "confirmed")
        running.emulated.reset()
        starts(running, bench, "booting 2.0.0+0", "confirming 2.0.0+0", "confirmed")


def test_unconfirmed_update_is_reverted(bench: Bench) -> None:
    areas = installed(bench) | {"secondary": bench.image("2.0.0", "unconfirmed")}
    with bench.start(areas, pending=True) as running:
        starts(running, bench, "booting 2.0.0+0 (on trial)", "unconfirmed 2.0.0+0")
        running.emulated.reset()
        starts(running, bench, "booting 1.2.3+4 (reverted)", *OLD[1:])
        running.emulated.reset()
        starts(running, bench, *OLD)


def test_permanent_update_needs_no_confirmation(bench: Bench) -> None:
    areas = installed(bench) | {"secondary": bench.image("2.0.0", "unconfirmed", "--pad", "--confirm")}
    with bench.start(areas) as running:
        for _ in range(2):
            starts(running, bench, "booting 2.0.0+0", "unconfirmed 2.0.0+0")
            running.emulated.reset()


def test_host_calls_the_application_into_recovery(bench: Bench) -> None:
    with bench.start(installed(bench)) as running:
        starts(running, bench, *OLD)
        running.send(SMP_START)
        starts(running, bench, "recovery")
        running.emulated.reset()
        starts(running, bench, *OLD)


def test_host_calls_while_the_boot_loader_listens(bench: Bench) -> None:
    with bench.start(installed(bench)) as running:
        assert line_of(running) == BANNER.format(board=bench.board.board_id)
        running.send(SMP_START)
        assert line_of(running) in ("recovery", OLD[0])  # a busy machine may have let the window pass


def test_recovery_leaves_a_trial_as_it_is(bench: Bench) -> None:
    areas = installed(bench) | {"secondary": bench.image("2.0.0", "unconfirmed")}
    with bench.start(areas, pending=True) as running:
        starts(running, bench, "booting 2.0.0+0 (on trial)", "unconfirmed 2.0.0+0")
        running.send(SMP_START)
        starts(running, bench, "recovery")
        running.emulated.reset()
        starts(running, bench, "booting 1.2.3+4 (reverted)", *OLD[1:])


@pytest.mark.parametrize("missing", ["image", "page", "key"])
def test_nothing_starts_that_is_not_trusted(bench: Bench, missing: str) -> None:
    # threat 20
    areas = installed(bench)
    if missing == "image":
        del areas["primary"]
    elif missing == "page":
        del areas["provisioning"]
    else:
        areas["primary"] = bench.image("1.2.3+4", key="stranger")
    with bench.start(areas) as running:
        starts(running, bench, "refused: no image" if missing == "image" else "refused: image not trusted")


def test_image_of_our_own_signer_boots(
    make_bench: Callable[[str, Path], Bench], iotsign: Callable[..., Any], tmp_path: Path
) -> None:
    bench = make_bench("mps2-an385", tmp_path)
    options = ["--version", "3.2.1+7", "--header-size", "0x200", "--pad-header", "--align", "8"]
    options += ["--slot-size", str(bench.flash.primary.size), "-k", f"pem:{bench.keys['owner']}", "-o", "own.img"]
    done = iotsign("image", "sign", bench.build / "confirming.bin", "-p", "MCUboot-ECDSA-P256", *options)
    assert done.returncode == 0, done.stderr
    areas = {"primary": (tmp_path / "own.img").read_bytes(), "provisioning": bench.provisioning()}
    with bench.start(areas) as running:
        starts(running, bench, "booting 3.2.1+7", "confirming 3.2.1+7", "confirmed")
