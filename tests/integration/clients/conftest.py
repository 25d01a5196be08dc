"""The command line against a folder of its own and against a running server."""

from collections.abc import Callable
from pathlib import Path

import pytest
from cli_modes import Cli, import_certificate
from server_process import Server

from iotsign.algorithms import KeyType
from iotsign.cli import run

KeyFiles = Callable[[KeyType], tuple[Path, Path]]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server) -> Path:
    """An empty working directory, without a configuration, and the environment that ``serve --local`` printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("LOGNAME", "local")  # as the server's user is called
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_DISABLE_HOST_PREFIX_INJECTION")  # the clients of our own know by themselves
    return tmp_path


def make_cli(options: tuple[str, ...], data: Path, key_files: KeyFiles, capfd: pytest.CaptureFixture[str]) -> Cli:
    private, _ = key_files(KeyType.P256)
    if not Path("signing.crt").exists():
        assert run(["key", "certificate", "-k", f"pem:{private}", "-o", "signing.crt", "--chain-dir", "trust"]) == 0
    return Cli(options, import_certificate(private, "signing.crt", data, capfd), "firmware", capfd, data)


@pytest.fixture
def local(home: Path, key_files: KeyFiles, capfd: pytest.CaptureFixture[str]) -> Cli:
    return make_cli(("--data", "data"), home / "data", key_files, capfd)


@pytest.fixture
def remote(server: Server, key_files: KeyFiles, capfd: pytest.CaptureFixture[str]) -> Cli:
    return make_cli(("--endpoint-url", server.url), server.data, key_files, capfd)


@pytest.fixture(params=["local", "remote"])
def cli(request: pytest.FixtureRequest) -> Cli:
    """Each mode in turn."""
    found: Cli = request.getfixturevalue(request.param)
    return found
