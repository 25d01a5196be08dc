"""The fuzz target over its seeds, so that it does not rot between fuzzing runs."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

TARGET = Path(__file__).parents[2] / "fuzz" / "fuzz_der_signature.py"


@pytest.fixture(scope="module")
def target() -> ModuleType:
    spec = importlib.util.spec_from_file_location(TARGET.stem, TARGET)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_seeds(target: ModuleType) -> None:
    for seed in target.seeds().values():
        target.one_input(seed)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_anything(target: ModuleType, data: bytes) -> None:
    target.one_input(data)
