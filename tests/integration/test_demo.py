"""`iotsign demo` on our own firmware: what a newcomer sees first."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).parents[2] / "firmware_samples" / "prebuilt" / "thermostat-mps2-an385.hex"


def iotsign(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "iotsign", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_demo_signs_verifies_and_refuses(tmp_path: Path) -> None:
    result = iotsign("demo", FIRMWARE, "-d", tmp_path / "demo", "--json")
    assert result.returncode == 0, result.stderr
    stages = [json.loads(line) for line in result.stdout.splitlines()]
    verdicts = [stage["found"].partition(":")[0] for stage in stages if stage["command"][2] == "verify"]
    assert verdicts == ["trusted", "trusted", "trusted", "untrusted"]
    assert [stage["exitCode"] for stage in stages] == [0] * (len(stages) - 1) + [1]
    # once more in the same folder: nothing is in the way
    again = iotsign("demo", FIRMWARE, "-d", tmp_path / "demo")
    assert again.returncode == 0, again.stderr
    assert "untrusted" in again.stdout


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="needs qemu-system-arm")
def test_the_demo_ends_on_a_board_that_boots_the_update(tmp_path: Path) -> None:
    result = iotsign("demo", FIRMWARE, "-d", tmp_path / "demo", "--board", "mps2-an385", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    stages = [json.loads(line) for line in result.stdout.splitlines()]
    installed, by_host, by_device, _, listed = stages[-5:]
    assert installed["found"].startswith("mps2-an385 runs 1.1.0+0, confirmed")
    assert (by_host["exitCode"], by_device["exitCode"]) == (1, 6)
    assert by_device["found"].endswith("SIGNATURE_MISMATCH")
    assert listed["found"].startswith("slot 0: 1.1.0")


def test_a_command_that_goes_wrong_ends_the_demo(tmp_path: Path) -> None:
    bad = tmp_path / "bad.hex"
    bad.write_text(":00000001FE\n")
    result = iotsign("demo", bad, "-d", tmp_path / "demo")
    assert result.returncode == 70
    assert "checksum" in result.stdout
