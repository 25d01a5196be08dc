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
