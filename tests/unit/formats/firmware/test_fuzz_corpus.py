"""What fuzzing found interesting, again."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FUZZ = Path(__file__).parents[3] / "fuzz"
CORPUS = sorted((FUZZ / "corpus" / "firmware").iterdir())


@pytest.fixture(scope="module")
def target() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_firmware", FUZZ / "fuzz_firmware.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_corpus(target: ModuleType) -> None:
    assert len(CORPUS) >= 20
    for file in CORPUS:
        target.one_input(file.read_bytes())


def test_seeds(target: ModuleType) -> None:
    for content in target.seeds().values():
        target.one_input(content)
