"""The libFuzzer targets build and survive a short run from their seeds; `make fuzz` runs them for longer."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FUZZ = Path(__file__).parents[1] / "fuzz"


def test_a_short_run_of_each_target() -> None:
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    # the path for what the targets share with the tests
    command = [sys.executable, str(FUZZ / "run_libfuzzer.py"), "--runs", "500"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(FUZZ.with_name("firmware")), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    targets = {path.stem for path in FUZZ.glob("fuzz_*.c")}
    assert {line.split()[0] for line in done.stdout.splitlines()} == targets
