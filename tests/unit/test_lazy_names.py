"""Doors that load what is behind them on first use."""

import subprocess
import sys

import pytest

import iotsign.keys
from iotsign.lazy_names import lazy_names


def test_a_name_is_loaded_when_it_is_asked_for_and_kept() -> None:
    program = """
import sys, iotsign.keys
assert "iotsign.keys._uri" not in sys.modules and "open_signer" not in vars(iotsign.keys)
from iotsign.keys import open_signer
assert vars(iotsign.keys)["open_signer"] is open_signer is sys.modules["iotsign.keys._uri"].open_signer
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_every_public_name_is_there() -> None:
    for name in iotsign.keys.__all__:
        assert getattr(iotsign.keys, name) is not None


def test_no_other_name_is() -> None:
    with pytest.raises(AttributeError, match=r"module 'iotsign.keys' has no attribute 'nothing'"):
        _ = iotsign.keys.nothing
    find = lazy_names("iotsign.keys", {"gone": "_nowhere"})
    with pytest.raises(ModuleNotFoundError, match="_nowhere"):
        find("gone")
