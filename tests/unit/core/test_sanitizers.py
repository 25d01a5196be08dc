"""The C tests of the host part, built with each compiler's sanitizers."""

import shutil
import subprocess
from pathlib import Path

import pytest

CORE = Path(__file__).parents[3] / "iotsign" / "core"


@pytest.mark.parametrize(
    ("compiler", "sanitizers"),
    [("gcc", "address,undefined"), ("clang", "address,undefined,integer"), ("clang", "thread")],
)
def test_the_file_pipelines(tmp_path: Path, compiler: str, sanitizers: str) -> None:
    for tool in (compiler, "cmake", "ninja"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    subprocess.run(
        [
            *(
                "cmake",
                "-G",
                "Ninja",
                "-S",
                CORE,
                "-B",
                tmp_path,
                "-DIOTSIGN_HOST=ON",
                "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
            ),
            f"-DCMAKE_C_COMPILER={compiler}",
            f"-DCMAKE_C_FLAGS=-fsanitize={sanitizers} -fno-sanitize-recover=all",
        ],
        check=True,
        capture_output=True,
    )
    built = subprocess.run(["ninja", "-C", tmp_path, "iotsign_files_test"], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout
    ran = subprocess.run([tmp_path / "iotsign_files_test"], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
