"""The fuzz target of what signing services sign over its seeds, so that it does not rot between fuzzing runs."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

TARGET = Path(__file__).parents[2] / "fuzz" / "fuzz_service_images.py"


@pytest.fixture(scope="module")
def target() -> ModuleType:
    spec = importlib.util.spec_from_file_location(TARGET.stem, TARGET)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def seeds(target: ModuleType) -> dict[str, bytes]:
    made: dict[str, bytes] = target.seeds()
    return made


def test_seeds_and_their_truncations(target: ModuleType) -> None:
    for seed in target.seeds().values():
        for length in range(0, len(seed) + 1, 97):
            target.one_input(seed[:length])
        target.one_input(seed)


@given(st.binary(max_size=400))
def test_anything(target: ModuleType, data: bytes) -> None:
    target.one_input(data)


@given(data=st.data())
def test_changed_seeds(target: ModuleType, seeds: dict[str, bytes], data: st.DataObject) -> None:
    seed = bytearray(seeds[data.draw(st.sampled_from(sorted(seeds)))])
    at = data.draw(st.integers(1, len(seed) - 1))
    seed[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    target.one_input(bytes(seed))
