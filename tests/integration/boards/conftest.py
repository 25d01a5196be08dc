"""Every board with a port, its boot loader and samples built from source."""

from collections.abc import Callable
from pathlib import Path

import pytest
from boot_bench import Bench, make_keys
from emulated_boards import BOARDS, build_board, missing_tool

from iotsign.device import find_board

NAMES = sorted(path.parent.name for path in BOARDS.glob("*/port.c"))


@pytest.fixture(scope="session")
def image_keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Key files that imgtool made."""
    return make_keys(tmp_path_factory.mktemp("image-keys"))


@pytest.fixture(scope="session")
def make_bench(image_keys: dict[str, Path]) -> Callable[[str, Path], Bench]:
    """Build for a board, once."""
    built: dict[str, Path] = {}

    def make(name: str, directory: Path) -> Bench:
        board = find_board(str(BOARDS / name / "board.toml"))
        if missing_tool(board):
            pytest.skip(f"needs {missing_tool(board)}")
        if name not in built:
            built[name] = build_board(board)
        return Bench(board, built[name], directory, image_keys)

    return make


@pytest.fixture(params=NAMES)
def bench(request: pytest.FixtureRequest, make_bench: Callable[[str, Path], Bench], tmp_path: Path) -> Bench:
    """Every board in turn."""
    return make_bench(request.param, tmp_path)
