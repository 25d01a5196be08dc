"""What README, the guide of devices and the demo tell a newcomer to type, executed as it stands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "firmware_samples" / "prebuilt" / "thermostat-mps2-an385.hex"
PROGRAMS = Path(sys.executable).parent

pytestmark = pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="needs qemu-system-arm")


def commands(file: str, section: str) -> list[str]:
    text = (ROOT / file).read_text().partition(f"## {section}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def shell(lines: list[str], directory: Path) -> subprocess.CompletedProcess[str]:
    """Type commands; one that goes on runs in the background, as if in another terminal."""
    script = ["trap 'kill $(jobs -p) 2> /dev/null' EXIT"]
    for line in lines:
        if "board start" in line:
            script.append(f"{line.removesuffix(' &')} > started & while [ ! -s started ]; do sleep 0.1; done")
        else:
            script.append(f'{line}; echo "exit code $? of {line.split()[0]} {" ".join(line.split()[1:3])}"')
    environment = os.environ | {
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "XDG_RUNTIME_DIR": str(directory),
    }
    command = ["bash", "-c", "\n".join(script)]
    return subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=600)


def codes(result: subprocess.CompletedProcess[str]) -> dict[str, list[int]]:
    """The exit codes of each kind of command."""
    found: dict[str, list[int]] = {}
    for code, kind in re.findall(r"^exit code (\d+) of (.*)$", result.stdout, re.MULTILINE):
        found.setdefault(kind, []).append(int(code))
    return found


@pytest.mark.parametrize(
    "sections",
    [
        [("README.md", "Sign and verify"), ("README.md", "To the device")],
        [("docs/device.md", "A first round, without a board on the desk")],
    ],
)
def test_a_newcomer_gets_from_a_key_to_a_board_that_runs_the_update(
    sections: list[tuple[str, str]], tmp_path: Path
) -> None:
    for name in ("boards", "firmware_samples"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / ".venv").symlink_to(PROGRAMS.parent)
    result = shell([line for section in sections for line in commands(*section)], tmp_path)
    assert all(code == 0 for each in codes(result).values() for code in each), result.stdout + result.stderr
    assert "update.signed: confirmed" in result.stdout
    assert re.search(r"0 .* 1\.1\.0 .*active", result.stdout)


def test_the_printed_commands_of_the_demo_can_be_repeated(tmp_path: Path) -> None:
    demo = [sys.executable, "-m", "iotsign", "demo", str(SAMPLE), "-d", str(tmp_path), "--board", "mps2-an385"]
    environment = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
    said = subprocess.run(demo, capture_output=True, text=True, env=environment)
    assert said.returncode == 0, said.stdout + said.stderr
    printed = (said.stdout + said.stderr).partition("for you to try in")[2].splitlines()[1:]
    lines = [line.strip() for line in printed if line.strip()]
    assert sum(line.endswith(" &") for line in lines) == 1
    result = shell(lines, tmp_path)
    assert codes(result) == {
        "iotsign key generate": [0, 0],
        "iotsign key certificate": [0],
        "iotsign key show": [0, 0],
        "iotsign image sign": [0] * 5,
        "iotsign image verify": [0, 0, 0, 1],
        "iotsign device flash": [0, 1, 6],
        "iotsign device reset": [0],
        "iotsign device list": [0],
    }, result.stdout + result.stderr
