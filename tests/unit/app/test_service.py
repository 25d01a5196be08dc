"""Opening the signing service over a folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from iotsign.app.configuration import ServerSettings
from iotsign.app.service import ServiceSettings, SystemClock, _is_gone, _worker_name, open_service, service_settings
from iotsign.errors import ConfigError, StoreError
from iotsign.stores.objects import S3Objects


def test_an_empty_folder_becomes_a_service(tmp_path: Path) -> None:
    with open_service(ServiceSettings(tmp_path / "a" / "b")) as opened:
        assert len(opened.service.operations) == 19
        assert opened.service.recover() == []
    assert (tmp_path / "a" / "b").stat().st_mode & 0o077 == 0
    assert SystemClock().now().utcoffset() is not None


def test_buckets_may_be_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with open_service(ServiceSettings(tmp_path, objects="s3:http://127.0.0.1:9")) as opened:
        assert isinstance(opened.objects, S3Objects)
    with (
        pytest.raises(ConfigError, match="expected s3: or s3:URL"),
        open_service(ServiceSettings(tmp_path, objects="ftp:x")),
    ):
        pass


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot create"), open_service(ServiceSettings(tmp_path / "file" / "x")):
        pass


def test_settings_come_from_the_configuration() -> None:
    server = ServerSettings(Path("data"), database="sqlite:///x", key_file=Path("key"))
    assert service_settings(server) == ServiceSettings(
        Path("data"), "us-east-1", database="sqlite:///x", key_file=Path("key")
    )
    assert service_settings(server, data=Path("other"), region="eu-west-1").directory == Path("other")


def test_a_process_that_ended_is_gone() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    worker = _worker_name(process.pid)
    assert worker
    assert not _is_gone(worker)
    process.communicate(b"\n")
    assert _is_gone(worker)
    own = _worker_name(os.getpid())
    assert own
    assert not _is_gone(own)
    assert _is_gone(f"{own}9")  # the number of a process that ended was given to another
    assert not _is_gone(f"elsewhere:{os.getpid()}:1")
    assert not _is_gone("worker")
