"""The fuzz target on its seeds and on some thousand changes of them, the same in every run."""

import importlib.util
import random
from pathlib import Path
from types import ModuleType

import pytest

TARGET = Path(__file__).parents[3] / "fuzz" / "fuzz_mcuboot.py"


@pytest.fixture(scope="module")
def target() -> ModuleType:
    spec = importlib.util.spec_from_file_location("fuzz_mcuboot", TARGET)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_seeds(target: ModuleType) -> None:
    target.one_input(b"")
    for seed in target.seeds().values():
        target.one_input(seed)


def test_changed_seeds(target: ModuleType) -> None:
    chance = random.Random(17)
    seeds = list(target.seeds().values())
    for _ in range(1500):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randrange(1, 4)):
            position = chance.randrange(1, len(data))
            change = chance.randrange(3)
            if change == 0:
                data[position] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
            elif change == 1:
                del data[position : position + chance.randrange(1, 40)]
            else:
                data[position:position] = chance.choice(seeds)[: chance.randrange(1, 60)]
        target.one_input(bytes(data))
