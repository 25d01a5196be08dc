"""What each port promises the boot loader: NOR flash, a serial line that loses nothing, sleep, time, reset."""

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from emulated_boards import Probe

from iotsign.device import Board, Flash


def test_erase_sets_whole_sectors_and_write_only_clears_bits(probe: Probe, board: Board, flash: Flash) -> None:
    source = random.Random(1)
    offset, sector = flash.secondary.offset, flash.sector_size
    before = source.randbytes(64)
    for edge in (offset - 64, offset + sector):
        assert probe.write(edge, before) == 0
    first, second = source.randbytes(512), source.randbytes(512)
    both = bytes(a & b for a, b in zip(first, second, strict=True))
    assert probe.write(offset + 256, first) == 0
    if board.board_id == "riscv32-virt":
        # its flash would overwrite; the driver refuses what true NOR flash could not do
        assert probe.write(offset + 256, second) == -1
        second = both
    assert probe.write(offset + 256, second) == 0
    assert probe.read(offset, 1024) == b"\xff" * 256 + both + b"\xff" * 256
    assert probe.erase(offset, sector) == 0
    assert probe.read(offset, sector) == b"\xff" * sector
    assert probe.read(offset - 64, 64) == before
    assert probe.read(offset + sector, 64) == before


def test_each_word_can_be_written_alone(probe: Probe, flash: Flash) -> None:
    word = flash.write_size
    offset = flash.secondary.offset + 248  # across the end of a page
    data = random.Random(2).randbytes(3 * word)
    for at in range(0, len(data), word):
        assert probe.write(offset + at, data[at : at + word]) == 0
    assert probe.read(offset - 8, len(data) + 16) == b"\xff" * 8 + data + b"\xff" * 8


def test_what_does_not_lie_in_the_flash_is_refused(probe: Probe, flash: Flash) -> None:
    size, sector = flash.size, flash.sector_size
    offset = flash.secondary.offset
    for far in (size, size - 8, 0x8000_0000, 0xFFFF_FFF8):
        assert probe.ask("R", far, 16) == -1
        assert probe.write(far, bytes(16)) == -1
    for far, length in ((size, sector), (size - sector, 2 * sector), (0, size + sector), (sector, 0xFFFF_0000)):
        assert probe.erase(far, length) == -1
    for odd, length in ((offset + 1, sector), (offset, sector - 1), (offset + sector // 2, sector)):
        assert probe.erase(odd, length) == -1
    if flash.write_size > 1:
        assert probe.write(offset + 1, bytes(8)) == -1
        assert probe.write(offset, bytes(flash.write_size + 1)) == -1
    end = flash.provisioning.end
    assert probe.write(end - 8, b"the end!") == 0
    assert probe.read(end - 8, 8) == b"the end!"
    assert probe.read(offset, 64) == b"\xff" * 64


def test_flash_survives_reset(probe: Probe, flash: Flash) -> None:
    data = random.Random(3).randbytes(512)
    assert probe.write(flash.secondary.offset, data) == 0
    for reset in ("by the processor", "by a button"):
        if reset == "by a button":
            probe.emulated.reset()
        else:
            probe.begin("X")
        probe.await_greeting()
        assert probe.read(flash.secondary.offset, 512) == data


def test_an_application_takes_over_what_the_boot_loader_has_used(probe: Probe, board: Board, flash: Flash) -> None:
    data = b"by the boot loader......"
    assert probe.write(flash.secondary.offset, data) == 0
    probe.begin("J", 0x80000000 if board.core == "rv32imc" else 0)
    probe.await_greeting()
    assert probe.read(flash.secondary.offset, len(data)) == data
    assert probe.erase(flash.secondary.offset, flash.sector_size) == 0


def mark(flash_file: Path, marks: dict[int, bytes]) -> None:
    with flash_file.open("r+b") as file:
        for offset, data in marks.items():
            file.seek(offset)
            file.write(data)


def test_a_power_cut_spoils_only_what_was_being_written(
    start: Callable[..., Probe], flash: Flash, flash_file: Path
) -> None:
    # threat 26
    source = random.Random(4)
    offset = flash.secondary.offset
    end = offset + max(8192, flash.sector_size)
    parts = [source.randbytes(1024) for _ in range(8)]
    mark(flash_file, {offset - 6: b"before", end: b"behind"})
    for _ in range(2):
        probe = start()
        assert probe.erase(offset, end - offset) == 0
        for at, part in enumerate(parts):
            probe.begin("W", offset + 1024 * at, 1024, part)
        acknowledged = source.randrange(1, len(parts))
        for _ in range(acknowledged):
            assert probe.answer() == 0
        probe.emulated.cut_power()
        probe = start()
        found = probe.read(offset, 8192)
        whole = 1024 * acknowledged
        assert found[:whole] == b"".join(parts)[:whole]
        assert all(byte & want == want for byte, want in zip(found, b"".join(parts), strict=True))
        assert (probe.read(offset - 6, 6), probe.read(end, 6)) == (b"before", b"behind")
        probe.emulated.cut_power()


def test_a_cut_erase_leaves_the_neighbours_alone(start: Callable[..., Probe], flash: Flash, flash_file: Path) -> None:
    # threat 26
    offset, sector = flash.secondary.offset, flash.sector_size
    end = offset + 3 * sector
    mark(flash_file, {offset - 8: b"before.." + bytes(3 * sector) + b"behind.."})
    probe = start()
    for at in range(offset, end, sector):
        probe.begin("E", at, sector)
    assert probe.answer() == 0
    probe.emulated.cut_power()
    probe = start()
    assert probe.read(offset, sector) == b"\xff" * sector
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


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_waiting_costs_nothing(probe: Probe) -> None:
    before = cpu_seconds(probe.emulated.pid)
    time.sleep(0.6)
    assert cpu_seconds(probe.emulated.pid) - before < 0.2  # a processor that polls would use all of it


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


with_watchdog = pytest.mark.parametrize("board", ["mps2-an385", "lm3s6965evb"], indirect=True)


@with_watchdog
def test_a_watchdog_resets(probe: Probe) -> None:
    assert probe.ask("D", 300) == 0
    probe.await_greeting()


@with_watchdog
def test_a_watchdog_can_be_stopped(probe: Probe) -> None:
    assert (probe.ask("D", 300), probe.ask("D", 0)) == (0, 0)
    assert probe.ask("S", 1000) >= 1000
    assert probe.ask("T") >= 1000


@with_watchdog
def test_an_application_that_starts_does_not_stop_the_watchdog(probe: Probe) -> None:
    assert probe.ask("D", 300) == 0
    probe.begin("J", 0)
    probe.await_greeting()
    probe.await_greeting()


@pytest.mark.parametrize("board", ["microbit"], indirect=True)
def test_the_boot_loader_does_not_overwrite_itself(probe: Probe, flash: Flash) -> None:
    first = probe.read(0, 512)
    end = flash.primary.offset
    for offset in (0, end - flash.sector_size):
        assert probe.erase(offset, flash.sector_size) == -1
        assert probe.write(offset, bytes(16)) == -1
    assert probe.erase(end - flash.sector_size, 2 * flash.sector_size) == -1
    assert probe.read(0, 512) == first


@pytest.mark.parametrize("board", ["lm3s6965evb"], indirect=True)
def test_without_a_card_the_flash_reports_errors(start: Callable[..., Probe], flash: Flash) -> None:
    probe = start("-drive", "if=sd,format=raw,file={flash}")
    assert (probe.ask("R", 0, 16), probe.write(0, bytes(16)), probe.erase(0, flash.sector_size)) == (-1, -1, -1)
