"""The benches of hil/ run under pytest, and their report says which image ran on which device."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]


def test_a_bench_reports_image_and_device_in_each_case(desk: Any) -> None:
    report = desk.directory / "report.xml"
    cases = "stays or taken_back or tampered_object or read_back"
    command = [sys.executable, "-m", "pytest", "hil", "--board", "mps2-an385", "-k", cases, f"--junitxml={report}"]
    result = subprocess.run([*command, "-p", "no:cacheprovider"], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
    found = ET.parse(report).findall(".//testcase")
    assert len(found) == 4
    for case in found:
        properties = {one.get("name"): one.get("value") for one in case.findall("./properties/property")}
        assert (properties["board"], properties["device"]) == ("mps2-an385", "bench")
        assert len(properties["image_sha256"] or "") == 64


def bench_of(*options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pytest", "hil", "-n0", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_bench_runs_on_what_is_behind_a_port(desk: Any, start: Any) -> None:
    """The door for real boards: nothing is known of it but its port."""
    keys = ("--boot-key", "boot.pub.pem", "--code-signer", "ota.pub.pem")
    _, running = start("--pty", *keys, "--image", desk.sign("1.0.0", nested=False))
    port = running["port"]
    assert port.startswith("/dev/pts/")
    own = [f"--{name}={desk.directory / key}.pem" for name, key in (("boot-key", "boot"), ("code-signer", "ota"))]
    options = [f"--port={port}", *own, f"--firmware={desk.samples}"]
    result = bench_of("--board=mps2-an385", *options, "-k", "stays or taken_back or header")
    assert result.returncode == 0, result.stdout
    assert "3 passed" in result.stdout
    wrong = bench_of("--board=microbit", *options)
    assert wrong.returncode == 6
    assert f"expected a microbit, {port} is a mps2-an385" in wrong.stdout + wrong.stderr


def test_a_bench_says_what_a_port_needs(tmp_path: Path) -> None:
    assert "needs one --board" in bench_of("--port=/dev/ttyNOWHERE").stderr
    assert "needs --boot-key" in bench_of("--port=/dev/ttyNOWHERE", "--board=microbit").stderr
    keys = ("--boot-key=a", "--code-signer=b", f"--firmware={tmp_path}")
    named = bench_of("--port=/dev/ttyNOWHERE", "--board=microbit", *keys)
    assert f"there is no confirming.bin in {tmp_path}" in named.stderr
    for name in ("confirming.bin", "unconfirmed.bin"):
        (tmp_path / name).touch()
    missing = bench_of("--port=/dev/ttyNOWHERE", "--board=microbit", *keys)
    assert missing.returncode == 6
    assert "there is no port /dev/ttyNOWHERE" in missing.stdout + missing.stderr
