"""The fuzz target of Espressif's and TI's readers over its seeds, so that it does not rot between fuzzing runs."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

TARGET = Path(__file__).parents[2] / "fuzz" / "fuzz_vendor_images.py"


@pytest.fixture(scope="module")
def target() -> ModuleType:
    spec = importlib.util.spec_from_file_location(TARGET.stem, TARGET)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_seeds_and_their_truncations(target: ModuleType) -> None:
    for seed in target.seeds().values():
        for length in range(0, len(seed) + 1, 41):
            target.one_input(seed[:length])
        target.one_input(seed)


@given(st.binary(max_size=400))
def test_anything(target: ModuleType, data: bytes) -> None:
    target.one_input(data)
