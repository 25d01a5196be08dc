"""A board in recovery and the line to it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from simulated_board import ATTEST_KEY, CODE_SIGNER, DEVICE_ID, Board, Line, Workshop, spki

ATTEST_SECRET = bytes(range(32))
Recovery = Callable[..., AbstractContextManager[tuple[Board, Line]]]


@pytest.fixture
def recovery(workshop: Workshop, tmp_path: Path) -> Recovery:
    """Switch a board on and have it wait in recovery; arguments are those of `Workshop.board`."""

    @contextmanager
    def start(*faults: str, **options: Any) -> Iterator[tuple[Board, Line]]:
        with workshop.board(tmp_path / "flash", *faults, **options) as board:
            line = Line(board.port)
            line.enter_recovery()
            try:
                yield board, line
            finally:
                line.close()

    return start


@pytest.fixture
def entries(workshop: Workshop) -> list[tuple[int, bytes]]:
    """All that may be provisioned beside a boot key."""
    signer = (CODE_SIGNER, spki(workshop.code_signer))
    return [signer, (DEVICE_ID, b"bench-7"), (ATTEST_KEY, ATTEST_SECRET)]
