"""Platforms, signers and a firmware to work with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from iotsign.algorithms import KeyType
from iotsign.keys import Signer, open_signer
from iotsign.platforms import Platform, Registry


@pytest.fixture(scope="session")
def platform() -> Callable[[str], Platform]:
    """Find a built-in platform."""
    return Registry().get


@pytest.fixture
def signer(key_files: Callable[[KeyType], tuple[Path, Path]]) -> Callable[[KeyType], Signer]:
    """Open the private key of `key_files`."""
    return lambda key_type: open_signer(f"pem:{key_files(key_type)[0]}")


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    """A small firmware file that no format recognises."""
    path = tmp_path / "app.bin"
    path.write_bytes(bytes(range(256)) * 20 + b"end")
    return path
