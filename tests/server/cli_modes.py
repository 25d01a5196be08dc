"""The command line of profiles, jobs, permissions and tags, run in this process."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from server_process import ACCOUNT

from iotsign.cli import run


@dataclass(frozen=True)
class Answer:
    """What a command printed with ``--json``, and its exit code."""

    code: int
    out: Any
    error: Any


@dataclass(frozen=True)
class Cli:
    """Runs ``iotsign`` in one of the two modes.

    Attributes:
        options: What chooses the service.
        material: The certificateArn of a P-256 certificate that it has.
        bucket: A bucket of its own.
        data: The folder of the service.
    """

    options: tuple[str, ...]
    material: str
    bucket: str
    capfd: pytest.CaptureFixture[str]
    data: Path = Path("data")

    def __call__(self, *arguments: str) -> Answer:
        self.capfd.readouterr()
        code = run([*arguments, *self.options, "--json"])
        said = self.capfd.readouterr()
        words = [line for line in said.err.splitlines() if line.startswith("{")]
        return Answer(code, json.loads(said.out) if said.out else None, json.loads(words[-1]) if words else None)

    def text(self, *arguments: str) -> str:
        """What it prints for a person."""
        self.capfd.readouterr()
        assert run([*arguments, *self.options]) == 0
        return self.capfd.readouterr().out


def import_certificate(private: Path, certificate: str, data: Path, capfd: pytest.CaptureFixture[str]) -> str:
    """Let a folder, which may have accounts of other tests, sign with a key; gives the certificateArn."""
    capfd.readouterr()
    where = ["--data", str(data), "--account", ACCOUNT]
    assert run(["key", "import", "-k", f"pem:{private}", "-c", certificate, *where]) == 0
    return capfd.readouterr().out.strip()
