"""The real OpenOCD takes our command lines: it programs and verifies an emulated micro:bit over JTAG."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from debugged_core import Target, descriptor, error_of, waiting_target
from jtag_wire import JtagWire

from iotsign.cli import run

pytestmark = pytest.mark.skipif(shutil.which("openocd") is None, reason="needs openocd")

FLASHER = 'kind = "openocd"\nscripts = ["desk.cfg"]'
# without a work area, OpenOCD writes words by itself; the emulator would take the end of a routine for a fault
SCRIPT = """adapter driver remote_bitbang
remote_bitbang host 127.0.0.1
remote_bitbang port {port}
adapter speed 1000
jtag newtap nrf51 cpu -irlen 4 -expected-id 0x0ba00477
dap create nrf51.dap -chain-position nrf51.cpu
target create nrf51.cpu cortex_m -dap nrf51.dap
cortex_m reset_config sysresetreq
flash bank nrf51.flash nrf51 0 0 1 1 nrf51.cpu
"""


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    if shutil.which("qemu-system-arm") is None:
        pytest.skip("needs qemu-system-arm")
    with waiting_target(tmp_path) as target:
        yield target


@pytest.fixture
def board(target: Target, tmp_path: Path) -> Iterator[Path]:
    """A board whose script lies beside its descriptor."""
    wire = JtagWire(target.core)
    file = descriptor(tmp_path, FLASHER)
    file.with_name("desk.cfg").write_text(SCRIPT.format(port=wire.port))
    yield file
    wire.shutdown()
    wire.server_close()


def test_an_image_that_openocd_wrote_is_started(
    target: Target, board: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["device", "flash", str(target.image), "-b", str(board), "--key", str(target.key), "--json"]
    assert run(command) == 0, capsys.readouterr().err
    assert json.loads(capsys.readouterr().out)["outcome"] == "written"
    assert target.boots()
    assert target.core.resets


def test_what_reads_back_differently_is_not_written(
    target: Target, board: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    target.misread(monkeypatch)
    assert run(["device", "flash", str(target.image), "-b", str(board), "--key", str(target.key), "--json"]) == 6
    error = error_of(capsys)
    assert error["code"] == "FlasherFailed"
    assert error["message"].startswith("openocd failed with exit code 1: Verify Failed")


@pytest.mark.parametrize("port", [None, "0123"])
@pytest.mark.parametrize("interface", ["cmsis-dap", "stlink"])
def test_no_probe(interface: str, port: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scripts = f'kind = "openocd"\nscripts = ["interface/{interface}.cfg", "target/nrf52.cfg"]'
    image = tmp_path / "app.img"
    image.write_bytes(bytes(4096))
    where = ["--port", port] if port else []
    command = ["device", "flash", str(image), "-b", str(descriptor(tmp_path, scripts)), "--force", *where, "--json"]
    assert run(command) == 6
    error = error_of(capsys)
    assert error["code"] == "NoProbe"
    assert error["message"].startswith("openocd finds no debug probe for desk: ")
    assert "plugged in" in error["hint"]


def test_a_script_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = tmp_path / "app.img"
    image.write_bytes(bytes(4096))
    board = descriptor(tmp_path, 'kind = "openocd"\nscripts = ["interface/nosuch.cfg"]')
    assert run(["device", "flash", str(image), "-b", str(board), "--force", "--json"]) == 6
    assert error_of(capsys)["message"] == "openocd failed with exit code 1: Can't find interface/nosuch.cfg"
