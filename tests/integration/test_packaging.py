"""What a user installs: one wheel for the stable ABI, made from the source distribution; newer Pythons import it."""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def works(python: str) -> bool:
    """Whether it runs: some version managers put names on the path that only say what is missing."""
    return subprocess.run([python, "-c", ""], capture_output=True).returncode == 0


FOUND = [shutil.which(f"python3.{minor}") for minor in range(11, 16)]
PYTHONS = [python for python in FOUND if python and works(python)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a source distribution that was built from this tree, as a package index would have it."""
    directory = tmp_path_factory.mktemp("packages")
    make = f"from scikit_build_core.build import build_sdist; build_sdist({str(directory)!r})"
    subprocess.run([sys.executable, "-c", make], check=True, capture_output=True, cwd=ROOT)
    (archive,) = directory.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(directory, filter="data")
    (source,) = (path for path in directory.iterdir() if path.is_dir())
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(directory)]
    command += ["--config-settings", "cmake.build-type=Debug"]  # what is inside counts here, not how fast it is
    built = subprocess.run([*command, str(source)], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = directory.glob("*.whl")
    return path


def test_what_is_in_the_wheel(wheel: Path) -> None:
    assert "-cp311-abi3-linux" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "iotsign").rglob("*.py")}
    descriptors = {str(path.relative_to(ROOT)) for path in (ROOT / "iotsign").rglob("*.toml")}
    assert descriptors
    assert names >= descriptors | (sources - {name for name in sources if name.startswith("iotsign/core/src/")})
    assert names >= {"iotsign/py.typed", "iotsign/core/_core.abi3.so", "iotsign/core/_core.pyi"}
    assert [name for name in names if name.endswith(".so")] == ["iotsign/core/_core.abi3.so"]
    assert [name for name in names if name.endswith(".c") or "__pycache__" in name] == []


@pytest.mark.parametrize("python", PYTHONS)
def test_every_newer_python_imports_the_core(wheel: Path, tmp_path: Path, python: str) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = (
        "from iotsign import core; from iotsign.algorithms import HashAlgorithm;"
        "print(core.digest(HashAlgorithm.SHA256, b'firmware').hex(), core.__file__)"
    )
    ran = subprocess.run(
        [python, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {program}"],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    digest, path = ran.stdout.split()
    assert digest == hashlib.sha256(b"firmware").hexdigest()
    assert path.startswith(str(tmp_path))
