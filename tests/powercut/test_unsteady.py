"""Flash that misreads, fails or wears out during an update never makes a device start what is not a whole image."""

import json
import os
import subprocess
from collections.abc import Sequence

import pytest

ALL = os.environ.get("POWERCUT_SAMPLES") == "0"
SEED = os.environ.get("POWERCUT_SEED", "1")
# points of `make test`, and of `make powercut`, where 0 is all
SAMPLES = {"misread": (250, 0), "fail": (60, 4000), "skip": (60, 4000), "worn": (60, 4000)}


@pytest.mark.parametrize("scenario", ["test", "permanent", "revert", "confirm"])
@pytest.mark.parametrize("fault", list(SAMPLES))
def test_no_fault_of_the_flash_loses_the_device(fault: str, scenario: str, unsteady: Sequence[str]) -> None:
    # threat 22
    samples = SAMPLES[fault][ALL]
    result = subprocess.run([*unsteady, scenario, fault, str(samples), SEED], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    counted = json.loads(result.stdout)
    print(result.stdout)  # noqa: T201 - `make powercut` shows it
    assert counted["failures"] == 0
    assert counted["points"] >= (min(samples, counted["of"]) // 2 if samples else counted["of"])
