"""What each port promises the boot loader: NOR flash, a serial line that loses nothing, sleep, time, reset."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from emulated_boards import BOARDS, Board, Probe


def test_erase_sets_whole_sectors_and_write_only_clears_bits(probe: Probe, board: Board) -> None:
    source = random.Random(1)
    offset, sector = board.area("secondary")[0], board.sector
    before = source.randbytes(64)
    for edge in (offset - 64, offset + sector):
        assert probe.write(edge, before) == 0
    first, second = source.randbytes(512), source.randbytes(512)
    assert probe.write(offset + 256, first) == 0
    if board.name == "riscv32-virt":
        # its flash would overwrite; the driver refuses what true NOR flash could not do
        assert probe.write(offset + 256, second) == -1
        second = bytes(a & b for a, b in zip(first, second, strict=True))
    assert probe.write(offset + 256, second) == 0
    both = bytes(a & b for a, b in zip(first, second, strict=True))
    assert probe.read(offset, 1024) == b"\xff" * 256 + both + b"\xff" * 256
    assert probe.erase(offset, sector) == 0
    assert probe.read(offset, sector) == b"\xff" * sector
    assert probe.read(offset - 64, 64) == before
    assert probe.read(offset + sector, 64) == before


def test_each_word_can_be_written_alone(probe: Probe, board: Board) -> None:
    word = board.description["flash"]["write_size"]
    offset = board.area("secondary")[0] + 248  # across the end of a page
    data = random.Random(2).randbytes(3 * word)
    for at in range(0, len(data), word):
        assert probe.write(offset + at, data[at : at + word]) == 0
    assert probe.read(offset - 8, len(data) + 16) == b"\xff" * 8 + data + b"\xff" * 8


def test_what_does_not_lie_in_the_flash_is_refused(probe: Probe, board: Board) -> None:
    size = board.description["flash"]["size"]
    offset, sector = board.area("secondary")[0], board.sector
    for far in (size, size - 8, 0x8000_0000, 0xFFFF_FFF8):
        assert probe.ask("R", far, 16) == -1
        assert probe.write(far, bytes(16)) == -1
    for far, length in ((size, sector), (size - sector, 2 * sector), (0, size + sector), (sector, 0xFFFF_0000)):
        assert probe.erase(far, length) == -1
    for odd, length in ((offset + 1, sector), (offset, sector - 1), (offset + sector // 2, sector)):
        assert probe.erase(odd, length) == -1
    if board.description["flash"]["write_size"] > 1:
        assert probe.write(offset + 1, bytes(8)) == -1
        assert probe.write(offset, bytes(board.description["flash"]["write_size"] + 1)) == -1
    end = sum(board.area("provisioning"))
    assert probe.write(end - 8, b"the end!") == 0
    assert probe.read(end - 8, 8) == b"the end!"
    assert probe.read(offset, 64) == b"\xff" * 64


def test_flash_survives_reset(probe: Probe, board: Board) -> None:
    data = random.Random(3).randbytes(512)
    assert probe.write(board.area("secondary")[0], data) == 0
    for reset in (lambda: probe.begin("X"), lambda: probe.control("system_reset")):
        reset()
        probe.await_greeting()
        assert probe.read(board.area("secondary")[0], 512) == data


def test_a_power_cut_spoils_only_what_was_being_written(
    start: Callable[..., Probe], board: Board, probe_program: Path, tmp_path: Path
) -> None:
    # threat 26
    if not board.is_persistent:
        pytest.skip("the flash of this emulated board lives as long as its process")
    source = random.Random(4)
    offset = board.area("secondary")[0]
    parts = [source.randbytes(1024) for _ in range(8)]
    end = offset + max(8192, board.sector)
    flash = board.make_flash(tmp_path, {offset - 6: b"before", end: b"behind"})
    for _ in range(3):
        probe = start(Probe, board, probe_program, flash)
        assert probe.erase(offset, board.sector) == 0
        for at, part in enumerate(parts):
            probe.begin("W", offset + 1024 * at, 1024, part)
        acknowledged = source.randrange(len(parts))
        for _ in range(acknowledged):
            assert probe.answer() == 0
        probe.kill()
        probe = start(Probe, board, probe_program, flash)
        found = probe.read(offset, 8192)
        whole = 1024 * acknowledged
        assert found[:whole] == b"".join(parts)[:whole]
        assert all(byte & want == want for byte, want in zip(found, b"".join(parts), strict=True))
        assert probe.read(offset - 6, 6) == b"before"
        assert probe.read(end, 6) == b"behind"
        probe.kill()


def test_a_cut_erase_leaves_the_neighbours_alone(
    start: Callable[..., Probe], board: Board, probe_program: Path, tmp_path: Path
) -> None:
    # threat 26
    if not board.is_persistent:
        pytest.skip("the flash of this emulated board lives as long as its process")
    offset, sectors = board.area("secondary")[0], 3
    end = offset + sectors * board.sector
    flash = board.make_flash(tmp_path, {offset - 8: b"before.." + bytes(sectors * board.sector) + b"behind.."})
    probe = start(Probe, board, probe_program, flash)
    for sector in range(sectors):
        probe.begin("E", offset + sector * board.sector, board.sector)
    assert probe.answer() == 0
    probe.kill()
    probe = start(Probe, board, probe_program, flash)
    assert probe.read(offset, board.sector) == b"\xff" * board.sector
    assert (probe.read(offset - 8, 8), probe.read(end, 8)) == (b"before..", b"behind..")


def fnv1a(data: bytes) -> int:
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


@pytest.mark.parametrize("dawdle", [0, 20_000])
def test_bursts_of_bytes_arrive_whole(probe: Probe, dawdle: int) -> None:
    source = random.Random(5)
    data = source.randbytes(10_000)
    probe.begin("H", len(data), dawdle)
    at = 0
    while at < len(data):
        burst = source.randrange(1, 1500)
        probe.send(data[at : at + burst])
        at += burst
    assert probe.answer() & 0xFFFFFFFF == fnv1a(data)


def test_waiting_costs_nothing(probe: Probe) -> None:
    before = probe.cpu_seconds
    time.sleep(0.6)
    assert probe.cpu_seconds - before < 0.2  # a processor that polls would use all of it


def test_time_passes(probe: Probe) -> None:
    first = probe.ask("T")
    for timeout in (1, 30, 250):
        assert probe.ask("S", timeout) >= timeout
    assert probe.ask("S", 0) >= 0
    assert probe.ask("T") - first >= 281


def test_a_byte_ends_the_wait(probe: Probe) -> None:
    probe.begin("S", 3_600_000)
    time.sleep(0.2)
    probe.send(b"!")
    assert probe.answer() < 3_600_000


def test_the_wish_for_recovery_outlives_one_reset(probe: Probe) -> None:
    assert probe.ask("P") == 0
    assert probe.ask("Q") == 0
    probe.begin("X")
    probe.await_greeting()
    assert (probe.ask("P"), probe.ask("P")) == (1, 0)


@pytest.fixture
def watched(probe: Probe, board: Board) -> Probe:
    if "iotsign_board_watchdog" not in (BOARDS / board.name / "port.c").read_text():
        pytest.skip("no watchdog that can be stopped")
    assert probe.ask("D", 300) == 0
    return probe


def test_a_watchdog_resets(watched: Probe) -> None:
    watched.await_greeting()


def test_a_watchdog_can_be_stopped(watched: Probe) -> None:
    assert watched.ask("D", 0) == 0
    assert watched.ask("S", 1000) >= 1000
    assert watched.ask("T") >= 1000


def test_an_application_that_starts_does_not_stop_the_watchdog(watched: Probe) -> None:
    watched.begin("J", 0)
    watched.await_greeting()
    watched.await_greeting()


def test_the_boot_loader_does_not_overwrite_itself(probe: Probe, board: Board) -> None:
    if board.name != "microbit":
        pytest.skip("the boot loader does not lie in the flash with the slots")
    first = probe.read(0, 512)
    start = board.area("primary")[0]
    for offset in (0, start - board.sector):
        assert probe.erase(offset, board.sector) == -1
        assert probe.write(offset, bytes(16)) == -1
    assert probe.erase(start - board.sector, 2 * board.sector) == -1
    assert probe.read(0, 512) == first


def test_without_a_card_or_with_a_locked_one_the_flash_reports_it(
    start: Callable[..., Probe], board: Board, probe_program: Path, tmp_path: Path
) -> None:
    if board.name != "lm3s6965evb":
        pytest.skip("no card to take out")
    drive = "if=sd,format=raw,file={flash}"
    flash = board.make_flash(tmp_path)
    probe = start(Probe, board, probe_program, flash, without=("-drive", drive))
    assert (probe.ask("R", 0, 16), probe.write(0, bytes(16)), probe.erase(0, board.sector)) == (-1, -1, -1)
