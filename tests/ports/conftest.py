"""Boards with a port, and the probe firmware on each."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from emulated_boards import BOARDS, Probe, build_probe, missing_tool

from iotsign.device import Board, EmulatedBoard, Flash, find_board, make_flash

NAMES = sorted(path.parent.name for path in BOARDS.glob("*/port.c"))


@pytest.fixture(scope="session", params=NAMES)
def board(request: pytest.FixtureRequest) -> Board:
    """Each board."""
    board = find_board(request.param)
    if missing_tool(board):
        pytest.skip(f"needs {missing_tool(board)}")
    return board


@pytest.fixture(scope="session")
def probe_program(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_probe(board, tmp_path_factory.mktemp("probe"))


@pytest.fixture
def flash(board: Board) -> Flash:
    """Where the board's slots lie."""
    assert board.flash is not None
    return board.flash


@pytest.fixture
def flash_file(board: Board, tmp_path: Path) -> Path:
    """An erased flash."""
    path = tmp_path / "flash.img"
    make_flash(board, path)
    return path


@pytest.fixture
def start(board: Board, probe_program: Path, flash_file: Path) -> Iterator[Callable[..., Probe]]:
    """Start the probe, also on a board without some words of its command; it ends with the test."""
    with ExitStack() as stack:

        def started(*without: str) -> Probe:
            assert board.qemu is not None
            words = tuple(word for word in board.qemu.command if word not in without)
            changed = replace(board, qemu=replace(board.qemu, command=words))
            return stack.enter_context(Probe(EmulatedBoard(changed, flash_file, bootloader=probe_program)))

        yield started


@pytest.fixture
def probe(start: Callable[..., Probe]) -> Probe:
    """A board with an erased flash that runs the probe."""
    return start()
