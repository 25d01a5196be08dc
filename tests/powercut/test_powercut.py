"""Whatever operation of an update the power is cut in, the device starts a whole and verified image afterwards.

`make powercut` tries every point; here are a sample of the copying and everything else.
"""

import json
import os
import subprocess
from collections.abc import Sequence

import pytest

SAMPLES = int(os.environ.get("POWERCUT_SAMPLES", "500"))
SEED = os.environ.get("POWERCUT_SEED", "1")


@pytest.mark.parametrize("scenario", ["test", "permanent", "revert", "confirm"])
def test_no_cut_loses_the_device(scenario: str, powercut: Sequence[str]) -> None:
    # threat 26
    result = subprocess.run([*powercut, scenario, str(SAMPLES), SEED], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    counted = json.loads(result.stdout)
    print(result.stdout)  # noqa: T201 - `make powercut` shows it
    assert counted["failures"] == 0
    least = 10 if scenario == "confirm" else min(SAMPLES, counted["operations"]) or 5 * counted["operations"]
    assert counted["points"] >= least
