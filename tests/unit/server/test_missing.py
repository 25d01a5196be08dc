"""Without the extra `server`, its packages are named; nothing else breaks."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asgi_client import REGION, OneKey

import iotsign.server
from iotsign.errors import MissingDependencyError, ValidationError
from iotsign.server import Listen, Metrics, create_application
from iotsign.server._run import run_application
from iotsign.server.protocol import service_model
from iotsign.server.s3._checksums import new_checksum


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("starlette.applications", lambda: create_application(None, OneKey(), region=REGION, metrics=None)),  # type: ignore[arg-type]
        ("uvicorn", lambda: run_application(None, Listen(), None, on_ready=print)),  # type: ignore[arg-type]
        ("uvloop", lambda: run_application(None, Listen(), None, on_ready=print)),  # type: ignore[arg-type]
        ("prometheus_client", Metrics),
        ("botocore.loaders", service_model.__wrapped__),
    ],
)
def test_a_missing_package(monkeypatch: pytest.MonkeyPatch, package: str, call: Callable[[], Any]) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingDependencyError, match=r"install iotsign\[server\]"):
        call()


def test_a_checksum_that_needs_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "awscrt", None)
    with pytest.raises(ValidationError, match="awscrt") as caught:
        new_checksum("x-amz-checksum-crc32c")
    assert caught.value.code == "NotImplemented"
    new_checksum("x-amz-checksum-crc32")


def test_the_door_has_what_it_names() -> None:
    for name in iotsign.server.__all__:
        assert getattr(iotsign.server, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = iotsign.server.nothing


def test_making_a_key_needs_no_server(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "for name in ('botocore', 'starlette', 'uvicorn', 'sqlalchemy'): sys.modules[name] = None\n"
        "from iotsign.cli import run\n"
        "sys.exit(run(['access', 'add', '111122223333', '--user', 'a']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "AWS_SECRET_ACCESS_KEY" in done.stdout
