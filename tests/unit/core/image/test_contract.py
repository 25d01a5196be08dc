"""The C core at arguments that no image, key or signature can bring about."""

import shutil
import subprocess
from pathlib import Path

import pytest
from core_images import CORE, SANITIZERS, WARNINGS


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize(("bits", "profile"), [(2048, ["-DIOTSIGN_PROFILE_SMALL"]), (4096, [])], ids=["small", "fast"])
def test_contract(compiler: str, bits: int, profile: list[str], tmp_path: Path) -> None:
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    program = tmp_path / "contract"
    sanitizers = SANITIZERS if compiler == "clang" else []
    flags = [f"-DIOTSIGN_RSA_MAX_BITS={bits}", *profile, f"-I{CORE / 'include'}", *sanitizers]
    sources: list[Path] = [*CORE.glob("src/*.c"), CORE / "tests/contract.c"]
    subprocess.run([compiler, *WARNINGS, *flags, *sources, "-o", program], check=True)
    done = subprocess.run([program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
