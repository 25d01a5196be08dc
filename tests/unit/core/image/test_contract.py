"""The C core at arguments that no image, key or signature can bring about."""

import shutil
import subprocess
from pathlib import Path

import pytest
from core_images import CORE, SANITIZERS, WARNINGS


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("bits", [2048, 4096])
def test_contract(compiler: str, bits: int, tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    program = tmp_path / "contract"
    flags = [f"-DIOTSIGN_RSA_MAX_BITS={bits}", f"-I{CORE / 'include'}", *(SANITIZERS if compiler == "clang" else [])]
    sources: list[Path] = [*CORE.glob("src/*.c"), CORE / "tests/contract.c"]
    subprocess.run([compiler, *WARNINGS, *flags, *sources, "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
