"""Many emulated boards at a time: no name or port number clashes, and none outlives who started it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from emulated_boards import BOARDS, Line, build_board, missing_tool

from iotsign.device import Board, EmulatedBoard, find_board, make_flash

ROOT = Path(__file__).parents[3]
NAMES = sorted(path.parent.name for path in BOARDS.glob("*/port.c"))
COPIES = 2


@pytest.fixture(scope="module")
def boards() -> list[Board]:
    """Every board, built."""
    boards = [find_board(name) for name in NAMES]
    for board in boards:
        if missing_tool(board):
            pytest.skip(f"needs {missing_tool(board)}")
        build_board(board)
    return boards


def emulators_of(directory: Path) -> list[int]:
    """Process ids of the emulators whose command line names the directory."""

    def commands() -> Iterator[tuple[int, bytes]]:
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                yield int(entry.name), (entry / "cmdline").read_bytes()
            except OSError:
                continue

    return [pid for pid, command in commands() if b"qemu-system" in command and str(directory).encode() in command]


def await_no_emulator(directory: Path) -> None:
    deadline = time.monotonic() + 60
    while left := emulators_of(directory):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_boards_run_side_by_side(boards: list[Board], tmp_path: Path) -> None:
    with ExitStack() as stack:
        lines = []
        for number, board in enumerate(boards * COPIES):
            flash = tmp_path / f"{number}.img"
            make_flash(board, flash)
            lines.append((board, stack.enter_context(Line(EmulatedBoard(board, flash)))))
        for board, line in lines:
            assert line.read_line().split()[-1] == board.board_id
            assert line.read_line() == "refused: no image"
        assert len(emulators_of(tmp_path)) + COPIES == len(lines)  # the micro:bit's command names no file
        assert len({line.emulated.pid for _, line in lines}) == len(lines)
    assert not any(Path(f"/proc/{line.emulated.pid}").exists() for _, line in lines)


PARENT = """
import sys, time
from pathlib import Path
from iotsign.device import EmulatedBoard, find_board
emulated = EmulatedBoard(find_board(sys.argv[1]), Path(sys.argv[2]))
emulated.start()
line = emulated.open() if sys.argv[3] == "opened" else None
print(emulated.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("state", ["opened", "waiting"])
def test_a_killed_parent_leaves_no_board(boards: list[Board], tmp_path: Path, state: str) -> None:
    board = next(board for board in boards if board.board_id == "emcraft-sf2")
    flash = tmp_path / "flash.img"
    make_flash(board, flash)
    command = [sys.executable, "-c", PARENT, board.board_id, str(flash), state]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        assert int(parent.stdout.readline()) > 0
        parent.kill()
    await_no_emulator(tmp_path)


def test_a_board_that_nobody_talks_to_can_be_switched_off(boards: list[Board], tmp_path: Path) -> None:
    for board in boards:
        flash = tmp_path / f"{board.board_id}.img"
        make_flash(board, flash)
        before = flash.read_bytes()
        emulated = EmulatedBoard(board, flash)
        emulated.start()
        emulated.stop()
        assert not emulated.running
        assert flash.read_bytes() == before
