"""Firmware that others published, for any test that wants real input."""

from pathlib import Path

import pytest

MICROBIT_HEX = Path("/usr/share/firmware-microbit-micropython/firmware.hex")
NRF_IMAGES = (
    "nrf52840dk_default",
    "nrf52840dk_acl_502",
    "nrf52840dk_legacy",
    "nrf5340dk_default",
    "nrf5340dk_acl_502",
    "nrf52dk_default",
)


@pytest.fixture(params=NRF_IMAGES)
def nrf_hex(request: pytest.FixtureRequest) -> Path:
    """Each of the six Zephyr HCI images of PyPI's zephyr_4.4.0_hci: Intel HEX for nRF52 and nRF5340.

    Those for the nRF5340 hold two programs, at 0x0 and at 0x1000000 for the network core.
    """
    import zephyr_4_4_0_hci

    path: Path = getattr(zephyr_4_4_0_hci.firmware, request.param).HEX_PATH
    return path


@pytest.fixture
def microbit_hex() -> Path:
    """MicroPython for the BBC micro:bit, from Debian's firmware-microbit-micropython.

    It holds the program at 0x0 and settings (UICR) at 0x100010c0.
    """
    if not MICROBIT_HEX.exists():
        pytest.skip("needs Debian's package firmware-microbit-micropython")
    return MICROBIT_HEX
