"""The C tests of the file pipelines, with clang's sanitizers."""

import fcntl
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def build(sanitizers: str) -> Path:
    """Build in a directory that outlives the session, so that only what changed is compiled again."""
    directory = ROOT / "build" / "tests" / f"files-{sanitizers.replace(',', '-')}"
    directory.mkdir(parents=True, exist_ok=True)
    flags = f"-DCMAKE_C_FLAGS=-g -fsanitize={sanitizers} -fno-sanitize-recover=all"
    options = ["-DIOTSIGN_HOST=ON", "-DCMAKE_C_COMPILER=clang", flags]
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for command in (
            ["cmake", "-G", "Ninja", "-S", str(ROOT / "iotsign" / "core"), "-B", str(directory), *options],
            ["ninja", "-C", str(directory), "iotsign_files_test"],
        ):
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
    return directory / "iotsign_files_test"


@pytest.mark.parametrize("sanitizers", ["address,undefined,integer", "thread"])
def test_the_file_pipelines(sanitizers: str) -> None:
    for tool in ("clang", "cmake", "ninja"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    ran = subprocess.run([build(sanitizers)], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
