"""Every board with a port, its boot loader and samples built from source, images that imgtool signed for it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from emulated_board import Bench, all_boards, build


@pytest.fixture(scope="session")
def image_keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Key files that imgtool made."""
    from imgtool.main import imgtool

    directory = tmp_path_factory.mktemp("image-keys")
    files = {name: directory / f"{name}.pem" for name in ("owner", "stranger")}
    for file in files.values():
        imgtool.main(["keygen", "-t", "ecdsa-p256", "-k", str(file)], standalone_mode=False)
        file.chmod(0o600)
    return files


@pytest.fixture(scope="session")
def make_bench(image_keys: dict[str, Path]) -> Callable[[str, Path], Bench]:
    """Build for a board, once."""
    built: dict[str, Path] = {}

    def make(name: str, directory: Path) -> Bench:
        board = all_boards()[name]
        if board.missing:
            pytest.skip(f"{board.missing} is not installed")
        if name not in built:
            built[name] = build(board)
        return Bench(board, built[name], directory, image_keys)

    return make


@pytest.fixture(params=sorted(all_boards()))
def bench(request: pytest.FixtureRequest, make_bench: Callable[[str, Path], Bench], tmp_path: Path) -> Bench:
    """Every board in turn."""
    return make_bench(request.param, tmp_path)
