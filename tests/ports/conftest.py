"""Boards with a port, and the probe firmware on each."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from emulated_boards import BOARDS, Board, Emulator, Probe

NAMES = sorted(path.parent.name for path in BOARDS.glob("*/port.c"))


@pytest.fixture(scope="session", params=NAMES)
def board(request: pytest.FixtureRequest) -> Board:
    """Each board."""
    board = Board(request.param)
    if board.missing:
        pytest.skip(f"needs {board.missing}")
    return board


@pytest.fixture(scope="session")
def probe_program(board: Board, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return board.build_probe(tmp_path_factory.mktemp("probe"))


@pytest.fixture
def start() -> Iterator[Callable[..., Any]]:
    """Start emulators that end with the test."""
    with ExitStack() as stack:

        def started(kind: type[Emulator], *arguments: Any, **options: Any) -> Emulator:
            emulator = stack.enter_context(kind(*arguments, **options))
            if isinstance(emulator, Probe):
                emulator.await_greeting()
            return emulator

        yield started


@pytest.fixture
def probe(start: Callable[..., Probe], board: Board, probe_program: Path, tmp_path: Path) -> Probe:
    """A board with an erased flash that runs the probe."""
    return start(Probe, board, probe_program, board.make_flash(tmp_path))
