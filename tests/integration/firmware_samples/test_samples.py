"""The samples are what their sources say, and they run."""

import hashlib
import re
import select
import shutil
import subprocess
import time
import tomllib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iotsign.formats.firmware import read_firmware

SAMPLES = Path(__file__).parents[3] / "firmware_samples"
PREBUILT = SAMPLES / "prebuilt"
MANIFEST: dict[str, Any] = tomllib.loads((SAMPLES / "manifest.toml").read_text())
NAMES = [f"{sample}-{board}" for board in MANIFEST["boards"] for sample in MANIFEST["samples"]]
COMPILERS = {"mps2-an385": "arm-none-eabi-", "riscv32-virt": "riscv64-unknown-elf-"}
TIMEOUT_S = 20


class Board:
    """A running machine and its serial line."""

    def __init__(self, command: list[str]) -> None:
        # `timeout` ends the machine even if this process is killed
        self._process = subprocess.Popen(
            ["timeout", str(3 * TIMEOUT_S), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        self._received = b""

    def line(self) -> str:
        """Wait for a whole line, and give it without its end."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + TIMEOUT_S
        while b"\r\n" not in self._received:
            readable, _, _ = select.select([self._process.stdout], [], [], max(0, deadline - time.monotonic()))
            assert readable, f"no line within {TIMEOUT_S} s; got {self._received!r}"
            chunk = self._process.stdout.read(4096)
            assert chunk, f"the machine ended; got {self._received!r}"
            self._received += chunk
        line, self._received = self._received.split(b"\r\n", 1)
        return line.decode("ascii")

    def send(self, text: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text)

    def close(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=TIMEOUT_S)


@pytest.fixture
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Board]:
    """The machine of the sample that `request.param` names, just started."""
    name: str = request.param
    command = MANIFEST["boards"][name.split("-", 1)[1]]["command"].split()
    if not shutil.which(command[0]):
        pytest.skip(f"needs {command[0]}")
    flash = tmp_path / "flash.img"
    flash.write_bytes((PREBUILT / f"{name}.bin").read_bytes())
    with flash.open("r+b") as file:
        file.truncate(32 << 20)
    words = [word.replace("NAME", str(PREBUILT / name)).replace("FLASH", str(flash)) for word in command]
    machine = Board(words)
    yield machine
    machine.close()


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the sources give, built in another directory."""
    for board, prefix in COMPILERS.items():
        for tool, wanted in zip(("gcc", "ld"), MANIFEST["toolchains"][board].values(), strict=True):
            if not shutil.which(prefix + tool):
                pytest.skip(f"needs {prefix}{tool}")
            answer = subprocess.run([prefix + tool, "--version"], capture_output=True, text=True, check=True)
            version = answer.stdout.splitlines()[0]
            if version != wanted:
                pytest.skip(f"prebuilt/ was made by {wanted!r}, here is {version!r}")
    copy = tmp_path_factory.mktemp("elsewhere") / "a rather long name for a directory".replace(" ", "-")
    shutil.copytree(SAMPLES, copy, ignore=shutil.ignore_patterns("prebuilt", "build"))
    subprocess.run(["make", "-j2", "-C", str(copy)], capture_output=True, check=True)
    return copy / "build"


def test_checksums() -> None:
    lines = [line.split("  ") for line in (SAMPLES / "SHA256SUMS").read_text().splitlines()]
    listed = {name: digest for digest, name in lines}
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in PREBUILT.iterdir()}
    assert listed == found
    assert set(found) == {f"{name}.{suffix}" for name in NAMES for suffix in ("bin", "elf", "hex")}


@pytest.mark.parametrize("file", [f"{name}.{suffix}" for name in NAMES for suffix in ("bin", "elf", "hex")])
def test_rebuilt_bit_for_bit(rebuilt: Path, file: str) -> None:
    assert (rebuilt / file).read_bytes() == (PREBUILT / file).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_no_path_of_the_building_machine(name: str) -> None:
    assert not re.search(rb"/(?:work|home|root|tmp|usr)/", (PREBUILT / f"{name}.elf").read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_all_three_files_hold_the_same_image(name: str) -> None:
    flat = (PREBUILT / f"{name}.bin").read_bytes()
    origin = MANIFEST["boards"][name.split("-", 1)[1]]["origin"]
    for suffix in ("elf", "hex"):
        image = read_firmware(PREBUILT / f"{name}.{suffix}")
        assert (image.data, image.address) == (flat, origin)
        assert image.entry is not None
        assert origin <= image.entry < origin + len(flat)


def check_banner(board: Board, name: str) -> None:
    sample, its_board = name.split("-", 1)
    flat = (PREBUILT / f"{name}.bin").read_bytes()
    assert board.line() == ""
    assert board.line() == f"iotsign sample {sample} {MANIFEST['version']} on {its_board}"
    origin = MANIFEST["boards"][its_board]["origin"]
    assert board.line() == f"image {origin:08x} length {len(flat)} crc32 {zlib.crc32(flat):08x}"


@pytest.mark.parametrize(
    ("board", "name"),
    [pytest.param(name, name, id=name) for name in NAMES if name.startswith("thermostat")],
    indirect=["board"],
)
def test_thermostat(board: Board, name: str) -> None:
    check_banner(board, name)
    heating = False
    seen = set()
    for reading in range(1, 31):
        match = re.fullmatch(rf"reading {reading} temperature (\d+)\.(\d) heater (on|off)", board.line())
        assert match
        temperature = int(match[1]) * 10 + int(match[2])
        heating = temperature < 195 or (heating and temperature <= 215)
        assert (match[3] == "on") == heating
        seen.add(heating)
    assert seen == {True, False}


@pytest.mark.parametrize(
    ("board", "name"),
    [pytest.param(name, name, id=name) for name in NAMES if name.startswith("counter")],
    indirect=["board"],
)
def test_counter(board: Board, name: str) -> None:
    check_banner(board, name)
    sent = b""
    for line in (b"\n", b"hello\n", b"the quick brown fox\n"):
        board.send(line)
        sent += line
        assert board.line() == f"received {len(sent)} crc32 {zlib.crc32(sent):08x}"


def test_linked_for_another_address(tmp_path: Path) -> None:
    if not shutil.which("arm-none-eabi-gcc") or not shutil.which("riscv64-unknown-elf-gcc"):
        pytest.skip("needs arm-none-eabi-gcc and riscv64-unknown-elf-gcc")
    copy = tmp_path / "samples"
    shutil.copytree(SAMPLES, copy, ignore=shutil.ignore_patterns("prebuilt", "build"))
    make = ["make", "-C", str(copy), "IMAGE_ORIGIN=0x20200", "VERSION=1.1.0", "OUT=slot"]
    subprocess.run([*make, "slot/counter-mps2-an385.elf"], capture_output=True, check=True)
    image = read_firmware(copy / "slot" / "counter-mps2-an385.elf")
    assert image.address == 0x20200
    assert b" 1.1.0 on " in bytes(image.data)
