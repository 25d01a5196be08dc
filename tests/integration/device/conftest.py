"""An emulated board that runs in a process of its own, and what is signed for it."""

import contextlib
import io
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bench_board import HEADER_SIZE, make_key, public_half

from iotsign.cli import run
from iotsign.device import find_board

IOTSIGN = Path(sys.executable).with_name("iotsign")
BOARD = "mps2-an385"
GENEROUS_S = 60


@dataclass
class Desk:
    """A folder with keys and images, and a board that runs.

    Attributes:
        directory: Where commands run.
        samples: Where the sample applications lie.
        port: Where the board is, if one runs.
    """

    directory: Path
    samples: Path
    port: str = ""

    def all(self, *arguments: str, exit_code: int = 0) -> list[dict[str, Any]]:
        """Run a command with --json in this process; gives all its answers, and the error behind them."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run([*arguments, "--json"])
        assert code == exit_code, out.getvalue() + err.getvalue()
        errors = [line for line in err.getvalue().splitlines() if line.startswith('{"error"')]
        return [json.loads(line) for line in [*out.getvalue().splitlines(), *errors]]

    def run(self, *arguments: str, exit_code: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run a command with --json in this process; gives its last answer and its error."""
        answers = self.all(*arguments, exit_code=exit_code)
        errors = [answer["error"] for answer in answers if set(answer) == {"error"}]
        results = [answer for answer in answers if set(answer) != {"error"}]
        return (results[-1] if results else {}), (errors[0] if errors else {})

    def sign(self, version: str, *, sample: str = "confirming", nested: bool = True) -> str:
        name = f"{sample}-{version}.{'signed' if nested else 'img'}"
        keys = (
            ("-f", "JSONEmbedded", "--boot-key", "pem:boot.pem", "-k", "pem:ota.pem")
            if nested
            else ("-k", "pem:boot.pem")
        )
        options = ("--version", version, "--header-size", hex(HEADER_SIZE), "--pad-header", "--align", "8")
        source = str(self.samples / f"{sample}.bin")
        head = ("image", "sign", source, "--input-format", "bin", "-p", "MCUboot-ECDSA-P256")
        self.run(*head, *keys, *options, "-o", name)
        return name


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Keys, and a board's built samples; its running boards are its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    loader = find_board(BOARD).bootloader
    if loader is None or shutil.which("qemu-system-arm") is None:
        pytest.skip("needs qemu-system-arm, and the boot loader of the board")
    for name in ("boot", "ota", "stranger"):
        make_key(tmp_path / f"{name}.pem")
        public_half(tmp_path / f"{name}.pem", tmp_path)
    return Desk(tmp_path, loader.parent)


@pytest.fixture
def start(desk: Desk) -> Iterator[Callable[..., tuple[subprocess.Popen[str], dict[str, Any]]]]:
    """Start boards with `iotsign board start`; they end with the test."""
    running: list[subprocess.Popen[str]] = []

    def started(*options: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        command = [str(IOTSIGN), "board", "start", BOARD, "--json", *options]
        process = subprocess.Popen(command, cwd=desk.directory, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    yield started
    for process in running:
        process.send_signal(signal.SIGTERM)
        process.wait(GENEROUS_S)
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def board(desk: Desk, start: Callable[..., Any]) -> Desk:
    """A provisioned board with version 1.0.0."""
    image = desk.sign("1.0.0", nested=False)
    (desk.directory / "attest.key").write_bytes(b"k" * 32)
    keys = ("--boot-key", "boot.pub.pem", "--code-signer", "ota.pub.pem", "--attest-key", "attest.key")
    _, running = start("--device-id", "desk", *keys, "--image", image)
    desk.port = running["port"]
    return desk
